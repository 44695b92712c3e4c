/**
 * The server's side of `TokenMediator`: a route that hands the application's own pages a token, and never the client secret (M1).
 *
 * Mind that a client-credentials token is bound to no user: who has it may do everything that the application may do with its
 * scopes, for any user (M5). Where the pages can do without, call the API from the server with `AuthorizedHttpClient`.
 *
 * It is no part of the package's main entry point, and no page needs it.
 *
 * @since 0.1.0
 */
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { AccessToken } from "./AccessToken.js"
import { lifetimeOf } from "./internal/tokenSource/freshness.js"
import * as Hands from "./Instant.js"
import { validate } from "./internal/input.js"
import * as Mediation from "./internal/tokenMediator/serverPolicy.js"
import { Origin } from "./internal/origin.js"
import * as Scopes from "./Scopes.js"
import { InvalidClientError, type InvalidInputError, type TokenError } from "./TokenError.js"
import * as TokenMediator from "./TokenMediator.js"
import { TokenSources } from "./TokenSources.js"

/**
 * A token was not handed out, because it can be used for more than `authorize` granted, or nobody can tell for what (M5). `reach`
 * is all that its claims and the answer that it came with name: the authorization server's words, unchecked; `undefined` where
 * the claims can't be read.
 *
 * @since 0.1.0
 * @category models
 */
export interface WiderClaims {
  readonly granted: Scopes.Scopes
  readonly reach: ReadonlyArray<string> | undefined
}

/**
 * - `authorize`: who may have a token with which scopes (M2). It is run for each request, with the scopes that the page asks for
 *   and with the `HttpServerRequest` in its context. The token that the page gets is one for all scopes that this returns; where
 *   it returns fewer than the page asks for, the page is refused with an `InvalidScopeError`. It fails with `unauthenticated`,
 *   with `forbidden`, or with any `TokenError`, of which the page learns the tag.
 * - `origin`: where the application's pages are, as `https://shop.example` (M3).
 * - `allowWiderClaims`: whether a token is handed out even though its claims name more scopes than were granted, or none that
 *   can be read (`false`, M5).
 * - `onWiderClaims`: is run when a token isn't handed out for that reason, which also is a warning in the log.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<R = never> {
  readonly authorize: (requested: Scopes.Scopes) => Effect.Effect<Scopes.Input, TokenError, R>
  readonly origin: string | URL
  readonly allowWiderClaims?: boolean | undefined
  readonly onWiderClaims?: ((event: WiderClaims) => Effect.Effect<void, never, R>) | undefined
}

/**
 * How `authorize` says that nobody is logged in: the page's `InvalidClientError` has the status 401.
 *
 * @since 0.1.0
 * @category constructors
 */
export const unauthenticated: Effect.Effect<never, InvalidClientError> = Effect.suspend(() =>
  new InvalidClientError({ status: 401, attempts: 1 })
)

/**
 * How `authorize` says that whoever is logged in may have no token: the page's `InvalidClientError` has the status 403.
 *
 * @since 0.1.0
 * @category constructors
 */
export const forbidden: Effect.Effect<never, InvalidClientError> = Effect.suspend(() =>
  new InvalidClientError({ status: 403, attempts: 1 })
)

const decodeRequest = Schema.decodeUnknownEither(Schema.parseJson(TokenMediator.Request))
const encodeGrant = Schema.encodeSync(Schema.parseJson(TokenMediator.Grant))
const encodeRefusal = Schema.encodeSync(TokenMediator.Refusal)

const noStore = { "cache-control": "no-store" } // M3

/** As a stream: any other body shows itself, and the token, to whoever prints the answer (E8). */
const granted = (grant: TokenMediator.Grant): HttpServerResponse.HttpServerResponse => {
  const body = new TextEncoder().encode(encodeGrant(grant))
  return HttpServerResponse.stream(Stream.make(body), {
    headers: noStore,
    contentType: "application/json",
    contentLength: body.length
  })
}

const refused = ({ headers, refusal, status }: Mediation.Refused): HttpServerResponse.HttpServerResponse => {
  const body = encodeRefusal(refusal)
  return HttpServerResponse.unsafeJson(body, {
    status,
    headers: {
      ...noStore,
      ...headers,
      ...(body.retryAfter !== undefined && { "retry-after": String(body.retryAfter) })
    }
  })
}

/** M3: a body of at most 16 KiB, announced or not. */
const readBody = (
  { stream }: HttpServerRequest.HttpServerRequest
): Effect.Effect<TokenMediator.Request, Mediation.Refused> =>
  Effect.suspend(() => {
    const decoder = new TextDecoder()
    let text = ""
    let size = 0
    return stream.pipe(
      Stream.mapError(() => Mediation.malformed), // platform's own error holds the request
      Stream.runForEach((chunk) => {
        size += chunk.length
        if (size <= Mediation.maxBytes) text += decoder.decode(chunk, { stream: true })
        // Who is still writing would find the connection reset, not the answer: read on for a while.
        return size > 16 * Mediation.maxBytes ? Effect.fail(Mediation.tooLarge) : Effect.void
      }),
      Effect.flatMap(() =>
        size > Mediation.maxBytes
          ? Effect.fail(Mediation.tooLarge)
          : Either.mapLeft(decodeRequest(text), () => Mediation.malformed)
      )
    )
  })

/** What is left of a token's life, and what has gone by, by both hands (S10). Times are in milliseconds. */
const agesOf = () => {
  const seen = new WeakMap<AccessToken, Hands.Hands>()
  return (token: AccessToken, now: Hands.Hands): { readonly age: number; readonly life: number } => {
    const began = seen.get(token) ?? Hands.ago(now, Math.max(0, now.wall - token.issuedAt.epochMillis))
    seen.set(token, began)
    return { age: Hands.since(began, now), life: lifetimeOf(token) }
  }
}

/** The scopes as a log may show them: only what has a scope's form. */
const shown = ({ granted, reach }: WiderClaims): string =>
  reach === undefined
    ? "its claims don't say for what it can be used"
    : `it can be used for ${reach.filter(Schema.is(Scopes.Scope)).join(", ")}, and granted is ${granted.join(", ")}`

/**
 * The mediator, as an application for the path of one's choice: `HttpRouter.all("/tilia/token", mediator)`. Its tokens are those
 * of the `TokenSources` in the context: one request for all pages with the same grant. It never fails: each refusal, of a
 * request from another origin, of one that isn't a `POST` with a small JSON body, by `authorize`, by the authorization server,
 * is an answer with a `TokenMediator.Refusal` in it, and so is a defect, about which it says nothing. A page that was refused
 * its token by the API causes a new one to be asked for, as often as the source's `minRefreshInterval` allows (S9). An `origin`
 * that is none is an `InvalidInputError`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = Effect.fnUntraced(function*<R = never>(
  { allowWiderClaims = false, authorize, onWiderClaims = () => Effect.void, origin: input }: Options<R>
): Effect.fn.Return<HttpApp.Default<never, R>, InvalidInputError, TokenSources> {
  const origin = yield* validate("origin", Origin)(String(input))
  const sources = yield* TokenSources
  const ageOf = agesOf()

  /** M2: what the application grants, which has to be at least what the page asks for. */
  const grantedFor = Effect.fnUntraced(function*(requested: Scopes.Scopes) {
    const answer = yield* authorize(requested).pipe(
      Effect.mapError(Mediation.fromAuthorize),
      Effect.catchAllDefect((defect) =>
        Effect.zipRight(
          Effect.logError("A mediator's authorize died.", Cause.die(defect)),
          Effect.fail(Mediation.broken)
        )
      )
    )
    if (answer.length === 0) return yield* Effect.fail(Mediation.notGranted)
    const scopes = yield* Scopes.make(answer).pipe(
      Effect.tapError(({ message }) => Effect.logError(`What a mediator's authorize grants is wrong: ${message}`)),
      Effect.mapError(Mediation.fromTokenError)
    )
    return Scopes.missing(requested, scopes).length > 0 ? yield* Effect.fail(Mediation.notGranted) : scopes
  })

  /** The token that all share, or a new one where that won't do for this page (S9 bounds how often). */
  const tokenFor = (scopes: Scopes.Scopes, held: number | undefined): Effect.Effect<AccessToken, Mediation.Refused> =>
    Effect.gen(function*() {
      const source = yield* sources.source(scopes)
      const token = yield* source.get
      return held === TokenMediator.fingerprint(token) ? yield* source.refresh : token
    }).pipe(Effect.scoped, Effect.mapError(Mediation.fromTokenError))

  /** M5 */
  const checkClaims = Effect.fnUntraced(function*(token: AccessToken, granted: Scopes.Scopes) {
    const reach = Mediation.reachOf(token)
    if (allowWiderClaims || Mediation.isWithin(reach, granted)) return
    const event = { granted, reach }
    yield* Effect.logWarning(`A page doesn't get a token: ${shown(event)}.`)
    yield* onWiderClaims(event)
    yield* Effect.fail(Mediation.tooWide)
  })

  const grant = Effect.gen(function*() {
    const request = yield* HttpServerRequest.HttpServerRequest
    const refusal = Mediation.unread(request, origin)
    if (refusal !== undefined) return yield* Effect.fail(refusal)
    const { held, scopes } = yield* readBody(request)
    const allowed = yield* grantedFor(scopes)
    const token = yield* tokenFor(allowed, held)
    yield* checkClaims(token, allowed)
    const { age, life } = ageOf(token, Hands.read(yield* Effect.clock))
    const expiresIn = Math.floor((life - age) / 1000)
    return expiresIn < 1 ? yield* Effect.fail(Mediation.isOver) : granted({
      access_token: token.value,
      token_type: token.tokenType,
      expires_in: expiresIn,
      scope: token.scopes
    })
  })

  return grant.pipe(
    // What can't be made an answer is a defect, and so is what platform would make of it: it isn't shown, nor logged (E8).
    Effect.tapDefect(() => Effect.logError("A mediator's request died.")),
    Effect.catchAllCause((cause) =>
      Effect.succeed(refused(Option.getOrElse(Cause.failureOption(cause), () => Mediation.broken)))
    ),
    Effect.interruptible // a server shields its handlers; who waits for a token would outlive its caller
  )
})
