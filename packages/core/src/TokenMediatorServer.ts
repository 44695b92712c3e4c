/**
 * The server's side of `TokenMediator`: a route that gives the application's own pages a token, and never the client
 * secret.
 *
 * Note that a client-credentials token belongs to no user: everyone who has it may do all that the application may do
 * with its scopes, for any user. If a page can do without a token, call the API from the server with
 * `AuthorizedHttpClient`.
 *
 * @example
 * import { TokenMediatorServer } from "@effect-tilia/core"
 * import { HttpRouter } from "@effect/platform"
 * import { Effect } from "effect"
 *
 * const router = Effect.gen(function*() {
 *   const mediator = yield* TokenMediatorServer.make({
 *     origin: "https://shop.example",
 *     // The scopes of this user, by the session in the request's cookie.
 *     authorize: () => Effect.succeed(["user_info"])
 *   })
 *   return HttpRouter.all(HttpRouter.empty, "/tilia/token", mediator)
 * })
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
import * as Instant from "./Instant.js"
import { lifetime } from "./internal/accessToken.js"
import { validate } from "./internal/input.js"
import { Origin } from "./internal/origin.js"
import * as RejectedToken from "./internal/tokenMediator/rejectedToken.js"
import * as ServerPolicy from "./internal/tokenMediator/serverPolicy.js"
import * as Scopes from "./Scopes.js"
import { InvalidClientError, type InvalidInputError, type TokenError } from "./TokenError.js"
import * as TokenMediator from "./TokenMediator.js"
import { TokenSources } from "./TokenSources.js"

/**
 * A token that was not given to a page, because it can be used for more than `authorize` granted, or because nothing
 * says for what it can be used.
 *
 * @since 0.1.0
 * @category models
 */
export interface WiderClaims {
  /** What `authorize` granted. */
  readonly granted: Scopes.Scopes
  /**
   * All scopes that the token's claims and the response that it came with name, as the authorization server wrote them;
   * `undefined` if the claims cannot be read.
   */
  readonly reach: ReadonlyArray<string> | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options<R = never> {
  /**
   * Decides which scopes the user of a page gets. It is run for each request, with the scopes that the page asks for,
   * and with the `HttpServerRequest` in its context. The page gets a token for all scopes that this returns; if it
   * returns fewer than the page asks for, the page is refused with an `InvalidScopeError`. It fails with
   * `unauthenticated`, with `forbidden`, or with any `TokenError`, of which the page learns the tag.
   */
  readonly authorize: (requested: Scopes.Scopes) => Effect.Effect<Scopes.Input, TokenError, R>
  /** The origin of the application's pages, as `"https://shop.example"`. A page of another origin gets no token. */
  readonly origin: string | URL
  /**
   * Whether a page gets a token although its claims name more scopes than `authorize` granted, or none that can be
   * read.
   *
   * @default false
   */
  readonly allowWiderClaims?: boolean | undefined
  /**
   * Is run when a page gets no token for that reason. A warning is logged in any case.
   *
   * @default nothing
   */
  readonly onWiderClaims?: ((event: WiderClaims) => Effect.Effect<void, never, R>) | undefined
}

/**
 * The failure by which `authorize` says that no user is logged in: the page gets an `InvalidClientError` with the
 * status 401.
 *
 * @since 0.1.0
 * @category constructors
 */
export const unauthenticated: Effect.Effect<never, InvalidClientError> = Effect.suspend(() =>
  new InvalidClientError({ status: 401, attempts: 1 })
)

/**
 * The failure by which `authorize` says that the user may have no token: the page gets an `InvalidClientError` with the
 * status 403.
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

/** The body is a stream: any other body shows itself, and the token, when the response is printed (E8). */
const grantResponse = (grant: TokenMediator.Grant): HttpServerResponse.HttpServerResponse => {
  const body = new TextEncoder().encode(encodeGrant(grant))
  return HttpServerResponse.stream(Stream.make(body), {
    headers: noStore,
    contentType: "application/json",
    contentLength: body.length
  })
}

const refusalResponse = ({ headers, refusal, status }: ServerPolicy.Refused): HttpServerResponse.HttpServerResponse => {
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

/** The page's request, from a body of at most 16 KiB, whether or not its length is announced (M3). */
const readBody = (
  { stream }: HttpServerRequest.HttpServerRequest
): Effect.Effect<TokenMediator.Request, ServerPolicy.Refused> =>
  Effect.suspend(() => {
    const decoder = new TextDecoder()
    let text = ""
    let size = 0
    return stream.pipe(
      Stream.mapError(() => ServerPolicy.malformed), // platform's own error holds the request
      Stream.runForEach((chunk) => {
        size += chunk.length
        if (size <= ServerPolicy.maxBytes) text += decoder.decode(chunk, { stream: true })
        // A sender that is still writing would see a reset connection instead of the response: read on for a while.
        return size > 16 * ServerPolicy.maxBytes ? Effect.fail(ServerPolicy.tooLarge) : Effect.void
      }),
      Effect.flatMap(() =>
        size > ServerPolicy.maxBytes
          ? Effect.fail(ServerPolicy.tooLarge)
          : Either.mapLeft(decodeRequest(text), () => ServerPolicy.malformed)
      )
    )
  })

/** The age of each token that the mediator has seen, in milliseconds by both clocks (S10). */
const makeAgeOf = () => {
  const begins = new WeakMap<AccessToken, Instant.Instant>()
  return (token: AccessToken, now: Instant.Instant): number => {
    const begin = begins.get(token) ?? Instant.before(now, Math.max(0, now.wall - token.issuedAt.epochMillis))
    begins.set(token, begin)
    return Instant.elapsed(begin, now)
  }
}

/** What a log may show of the scopes: only texts that have the form of a scope. */
const describe = ({ granted, reach }: WiderClaims): string =>
  reach === undefined
    ? "its claims don't say for what it can be used"
    : `it can be used for ${reach.filter(Schema.is(Scopes.Scope)).join(", ")}, and granted is ${granted.join(", ")}`

/**
 * The mediator as an application for a path of your choice: `HttpRouter.all("/tilia/token", mediator)`. Its tokens are
 * those of the `TokenSources` in the context: one request for all pages with the same grant. It never fails. A request
 * that is refused, for its origin, for its form, by `authorize` or by the authorization server, gets a response with a
 * `TokenMediator.Refusal` in it. So does a defect, about which the refusal says nothing. A page whose token the API has
 * rejected causes a new one to be requested, as often as the source's `minRefreshInterval` allows. An `origin` that is
 * not one is an `InvalidInputError`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = Effect.fnUntraced(function*<R = never>(
  { allowWiderClaims = false, authorize, onWiderClaims = () => Effect.void, origin: input }: Options<R>
): Effect.fn.Return<HttpApp.Default<never, R>, InvalidInputError, TokenSources> {
  const origin = yield* validate("origin", Origin)(String(input))
  const sources = yield* TokenSources
  const ageOf = makeAgeOf()

  /** What the application grants, which must include all that the page asks for (M2). */
  const grantedFor = Effect.fnUntraced(function*(requested: Scopes.Scopes) {
    const granted = yield* authorize(requested).pipe(
      Effect.mapError(ServerPolicy.fromAuthorize),
      Effect.catchAllDefect((defect) =>
        Effect.zipRight(
          Effect.logError("A mediator's authorize died.", Cause.die(defect)),
          Effect.fail(ServerPolicy.defect)
        )
      )
    )
    if (granted.length === 0) return yield* Effect.fail(ServerPolicy.notGranted)
    const scopes = yield* Scopes.make(granted).pipe(
      Effect.tapError(({ message }) => Effect.logError(`What a mediator's authorize grants is wrong: ${message}`)),
      Effect.mapError(ServerPolicy.fromTokenError)
    )
    return Scopes.missing(requested, scopes).length > 0 ? yield* Effect.fail(ServerPolicy.notGranted) : scopes
  })

  /** The token that all pages share, or a new one if that is the one that this page must replace (S9). */
  const tokenFor = (
    scopes: Scopes.Scopes,
    rejected: number | undefined
  ): Effect.Effect<AccessToken, ServerPolicy.Refused> =>
    Effect.gen(function*() {
      const source = yield* sources.source(scopes)
      const token = yield* source.get
      return rejected === RejectedToken.hash(token) ? yield* source.refresh : token
    }).pipe(Effect.scoped, Effect.mapError(ServerPolicy.fromTokenError))

  /** Refuses a token that can be used for more than was granted (M5). */
  const checkClaims = Effect.fnUntraced(function*(token: AccessToken, granted: Scopes.Scopes) {
    const reach = ServerPolicy.reachOf(token)
    if (allowWiderClaims || ServerPolicy.isWithin(reach, granted)) return
    const event = { granted, reach }
    yield* Effect.logWarning(`A page doesn't get a token: ${describe(event)}.`)
    yield* onWiderClaims(event)
    yield* Effect.fail(ServerPolicy.tooWide)
  })

  const respond = Effect.gen(function*() {
    const request = yield* HttpServerRequest.HttpServerRequest
    const refused = ServerPolicy.refusalBeforeReading(request, origin)
    if (refused !== undefined) return yield* Effect.fail(refused)
    const { rejected, scopes } = yield* readBody(request)
    const granted = yield* grantedFor(scopes)
    const token = yield* tokenFor(granted, rejected)
    yield* checkClaims(token, granted)
    const expiresIn = Math.floor((lifetime(token) - ageOf(token, yield* Instant.now)) / 1000)
    return expiresIn < 1 ? yield* Effect.fail(ServerPolicy.aboutToExpire) : grantResponse({
      access_token: token.value,
      token_type: token.tokenType,
      expires_in: expiresIn,
      scope: token.scopes
    })
  })

  return respond.pipe(
    // The cause of a defect is neither shown nor logged: platform's own errors hold the request (E8).
    Effect.tapDefect(() => Effect.logError("A mediator's request died.")),
    Effect.catchAllCause((cause) =>
      Effect.succeed(refusalResponse(Option.getOrElse(Cause.failureOption(cause), () => ServerPolicy.defect)))
    ),
    Effect.interruptible // a server shields its handlers, and a handler that waits for a token would outlive its page
  )
})
