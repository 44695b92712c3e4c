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
 *     // Who is logged in, by the session in the request's cookie, and the scopes of that user's role.
 *     authorize: () => Effect.succeed({ principal: "account-1234", scopes: ["user_info"] })
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
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { AccessToken } from "./AccessToken.js"
import * as Instant from "./Instant.js"
import { lifetime } from "./internal/accessToken.js"
import { validate, withoutValue } from "./internal/input.js"
import { Origin } from "./internal/origin.js"
import * as ParsedBody from "./internal/tokenMediator/parsedBody.js"
import * as RejectedToken from "./internal/tokenMediator/rejectedToken.js"
import * as Rejections from "./internal/tokenMediator/rejections.js"
import * as ServerPolicy from "./internal/tokenMediator/serverPolicy.js"
import * as Scopes from "./Scopes.js"
import * as Telemetry from "./Telemetry.js"
import { InvalidInputError, isTokenError, type TokenError } from "./TokenError.js"
import * as TokenMediator from "./TokenMediator.js"
import type { TokenSource } from "./TokenSource.js"
import { TokenSources } from "./TokenSources.js"

/**
 * What a page asks for.
 *
 * @since 0.1.0
 * @category models
 */
export interface PageRequest {
  /** The scopes that the page asks for. */
  readonly scopes: Scopes.Scopes
  /**
   * The user whom the page believes to be logged in; `undefined` if it names none. Another user may have logged in
   * since the page was opened, in another tab. A page can name anyone, so never conclude from it who asks.
   */
  readonly principal: string | undefined
}

/**
 * What `authorize` grants to a user.
 *
 * @since 0.1.0
 * @category models
 */
export interface Authorized {
  /** The scopes that this user may have. Take a fixed set for each role: all pages with the same set share a token. */
  readonly scopes: Scopes.Input
  /**
   * The user of the session. A page that names another `principal` is refused with the status 403, and its page sees
   * `access_denied`.
   */
  readonly principal: string
}

/**
 * How `authorize` refuses a user: see `unauthenticated` and `forbidden`. No other failure tells a page that its user is
 * refused.
 *
 * @since 0.1.0
 * @category errors
 */
export class RefusedUser extends Schema.TaggedError<RefusedUser>("@effect-tilia/core/RefusedUser")("RefusedUser", {
  /** `"unauthenticated"` if no user is logged in, `"forbidden"` if the user may have no token. */
  reason: Schema.Literal("unauthenticated", "forbidden")
}) {}

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
   * Decides which scopes the user of a page gets. It is run for each request, with what the page asks for, and with the
   * `HttpServerRequest` in its context. It returns scopes, or scopes and whose session it is, which the mediator then
   * compares with the `principal` of the page. The page gets a token for all these scopes; if they are fewer than the
   * page asks for, the page is refused with an `InvalidScopeError`.
   *
   * It fails with `unauthenticated`, with `forbidden`, or with any `TokenError`, of which the page learns the tag and
   * the status 500 or 503. It has 10 seconds. If it takes longer, the page gets a 503; if it dies, or if it yields
   * anything else, a 500, and the log shows the cause.
   */
  readonly authorize: (request: PageRequest) => Effect.Effect<Scopes.Input | Authorized, RefusedUser | TokenError, R>
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
   * Is run when a page gets no token for that reason. The page does not wait for it: it runs in the background, for at
   * most 10 seconds. A warning is logged in any case, and so is the cause if this dies.
   *
   * @default nothing
   */
  readonly onWiderClaims?: ((event: WiderClaims) => Effect.Effect<void, never, R>) | undefined
}

/**
 * The failure by which `authorize` says that no user is logged in: the page gets an `InvalidClientError` with the
 * status 401, whose `code` is `login_required`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const unauthenticated: Effect.Effect<never, RefusedUser> = Effect.suspend(() =>
  new RefusedUser({ reason: "unauthenticated" })
)

/**
 * The failure by which `authorize` says that the user may have no token: the page gets an `InvalidClientError` with the
 * status 403, whose `code` is `access_denied`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const forbidden: Effect.Effect<never, RefusedUser> = Effect.suspend(() =>
  new RefusedUser({ reason: "forbidden" })
)

const IsAllowed = Schema.Boolean.annotations(withoutValue("true or false"))

const notFunction = (setting: string) =>
  new InvalidInputError({ setting, expected: "a function that returns an Effect" })

const decodeRequest = Schema.decodeUnknownEither(Schema.parseJson(TokenMediator.Request))
const encodeGrant = Schema.encodeSync(Schema.parseJson(TokenMediator.Grant))
const encodeRefusal = Schema.encodeSync(TokenMediator.Refusal)

/** What every response has (M3): nothing keeps it, and no page of another origin can load it as something else. */
const safeHeaders = {
  "cache-control": "no-store",
  "cross-origin-resource-policy": "same-origin",
  "x-content-type-options": "nosniff"
}

const isRefusal = (error: unknown): error is RefusedUser | TokenError =>
  error instanceof RefusedUser || isTokenError(error)

/** What a failure of `authorize` means for the page (M6). */
const refuse = (error: RefusedUser | TokenError): Effect.Effect<never, ServerPolicy.Refused> =>
  error._tag === "RefusedUser"
    ? Effect.fail(ServerPolicy[error.reason])
    : Effect.zipRight(
      Effect.logWarning(`A mediator's authorize failed: ${error.message}`),
      Effect.fail(ServerPolicy.fromAuthorize(error))
    )

/** What a JavaScript program may return instead must not be taken for a grant (M2). */
const isDecision = (decision: unknown): decision is Scopes.Input | Authorized =>
  Array.isArray(decision) || (Predicate.hasProperty(decision, "scopes") && Array.isArray(decision.scopes))

/** `authorize` yields no decision. */
const undecided = Effect.dieMessage("It yields neither scopes nor an object with scopes.")

const died = (cause: Cause.Cause<unknown>): Effect.Effect<never, ServerPolicy.Refused> =>
  Effect.zipRight(
    Effect.logError("A mediator's authorize died.", cause),
    Effect.fail(ServerPolicy.defectOfAuthorize)
  )

/** The body is a stream: any other body shows itself, and the token, when the response is printed (E8). */
const grantResponse = (grant: TokenMediator.Grant): HttpServerResponse.HttpServerResponse => {
  const body = new TextEncoder().encode(encodeGrant(grant))
  return HttpServerResponse.stream(Stream.make(body), {
    headers: safeHeaders,
    contentType: "application/json",
    contentLength: body.length
  })
}

const refusalResponse = ({ headers, refusal, status }: ServerPolicy.Refused): HttpServerResponse.HttpServerResponse => {
  const body = encodeRefusal(refusal)
  return HttpServerResponse.unsafeJson(body, {
    status,
    headers: {
      ...safeHeaders,
      ...headers,
      ...(body.retryAfter !== undefined && { "retry-after": String(body.retryAfter) })
    }
  })
}

/**
 * Gives an effect 10 seconds (M6). One that cannot be interrupted is left behind. Its result is passed on as an `Exit`,
 * so that its fiber does not end with an error, which would be logged.
 */
const inTime = (refused: ServerPolicy.Refused) => <A, R>(effect: Effect.Effect<A, ServerPolicy.Refused, R>) =>
  effect.pipe(
    Effect.exit,
    Effect.disconnect,
    Effect.timeoutFail({ duration: ServerPolicy.timeLimit, onTimeout: () => refused }),
    Effect.flatten
  )

/** The text of a body of at most 16 KiB, whether or not its length is announced (M3). */
const readText = (
  { stream }: HttpServerRequest.HttpServerRequest
): Effect.Effect<string, ServerPolicy.Refused> =>
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
      Effect.withUnhandledErrorLogLevel(Option.none()), // a stream that fails ends a fiber of its own by that
      Effect.flatMap(() => size > ServerPolicy.maxBytes ? Effect.fail(ServerPolicy.tooLarge) : Effect.succeed(text)),
      inTime(ServerPolicy.slowBody)
    )
  })

/** The page's request. A framework may have read the body already (M8). */
const readBody = (
  request: HttpServerRequest.HttpServerRequest
): Effect.Effect<TokenMediator.Request, ServerPolicy.Refused> => {
  const parsed = ParsedBody.textOf(request.source)
  const text = parsed === undefined
    ? readText(request)
    : parsed.length > ServerPolicy.maxBytes
    ? Effect.fail(ServerPolicy.tooLarge)
    : Effect.succeed(parsed)
  return Effect.flatMap(text, (text) => Either.mapLeft(decodeRequest(text), () => ServerPolicy.malformed))
}

/** The age of each token that the mediator has seen, in milliseconds by both clocks (S10). */
const makeAgeOf = () => {
  const begins = new WeakMap<AccessToken, Instant.Instant>()
  return (token: AccessToken, now: Instant.Instant): number => {
    const begin = begins.get(token) ?? Instant.before(now, Math.max(0, now.wall - token.issuedAt.epochMillis))
    begins.set(token, begin)
    return Instant.elapsed(begin, now)
  }
}

/** Whether a page is believed that names the token of a source as rejected (M7). */
const makeBelieves = () => {
  const bySource = new WeakMap<TokenSource, Rejections.Rejections>()
  return (source: TokenSource, now: number): boolean => {
    const next = Rejections.believe(bySource.get(source) ?? Rejections.none, now)
    if (next !== undefined) bySource.set(source, next)
    return next !== undefined
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
 * `TokenMediator.Refusal` in it. So does a defect, about which the refusal says nothing. Each refusal is counted by
 * `Telemetry.mediatorRefusals` and logged at Debug. A page whose token the API has rejected causes a new one to be
 * requested, at most once a second, and at most once in 30 seconds if pages do so again and again. An option that is
 * not valid is an `InvalidInputError`.
 *
 * It runs wherever an `HttpApp` does: over `NodeHttpServer.makeHandler` on `node:http` and in Express, which may have
 * parsed the body already; over `HttpApp.toWebHandlerRuntime` wherever a handler takes a `Request`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = Effect.fnUntraced(function*<R = never>(
  options: Options<R>
): Effect.fn.Return<HttpApp.Default<never, R>, InvalidInputError, TokenSources> {
  // A program in JavaScript may give anything, and must learn of it before a page asks (M2, M5).
  const given: Partial<Options<R>> = Predicate.isNotNullable(options) ? options : {}
  const origin = yield* validate("origin", Origin)(String(given.origin))
  const allowWiderClaims = yield* validate("allowWiderClaims", IsAllowed)(given.allowWiderClaims ?? false)
  const { authorize, onWiderClaims = () => Effect.void } = given
  if (typeof authorize !== "function") return yield* notFunction("authorize")
  if (typeof onWiderClaims !== "function") return yield* notFunction("onWiderClaims")
  const sources = yield* TokenSources
  const ageOf = makeAgeOf()
  const believes = makeBelieves()

  /** What `authorize` decides. It can neither hang (M6) nor tell more than that the user is refused. */
  const decide = (request: PageRequest): Effect.Effect<Scopes.Input | Authorized, ServerPolicy.Refused, R> =>
    Effect.suspend(() => authorize(request)).pipe(
      Effect.flatMap((decision) => isDecision(decision) ? Effect.succeed(decision) : undecided),
      // A program in JavaScript, or with a cast, may fail with anything (M6).
      Effect.catchAllCause((cause) =>
        Option.match(Option.filter(Cause.failureOption(cause), isRefusal), {
          onNone: () => died(cause),
          onSome: refuse
        })
      ),
      inTime(ServerPolicy.slowAuthorize),
      Effect.tapError((refused) =>
        refused === ServerPolicy.slowAuthorize
          ? Effect.logWarning("A mediator's authorize did not decide within 10 seconds.")
          : Effect.void
      )
    )

  /** What the application grants, which must include all that the page asks for (M2). */
  const grantedFor = Effect.fnUntraced(function*({ principal, scopes: requested }: TokenMediator.Request) {
    const decision = yield* decide({ scopes: requested, principal })
    // Another user has logged in since the page was opened, and must not lend it a token (M2). A `principal` that is
    // there and undefined is that of no user.
    if (principal !== undefined && "principal" in decision && principal !== decision.principal) {
      return yield* Effect.fail(ServerPolicy.otherPrincipal)
    }
    const granted = "scopes" in decision ? decision.scopes : decision
    if (granted.length === 0) return yield* Effect.fail(ServerPolicy.notGranted)
    const scopes = yield* Scopes.make(granted).pipe(
      Effect.tapError(({ message }) => Effect.logError(`What a mediator's authorize grants is wrong: ${message}`)),
      Effect.mapError((error) => ServerPolicy.fromTokenError(error))
    )
    return Scopes.missing(requested, scopes).length > 0 ? yield* Effect.fail(ServerPolicy.notGranted) : scopes
  })

  /** The token that all pages share, or a new one if that is the one that this page must replace (M7, S9). */
  const tokenFor = (
    scopes: Scopes.Scopes,
    rejected: number | undefined
  ): Effect.Effect<AccessToken, ServerPolicy.Refused> =>
    Effect.gen(function*() {
      const source = yield* sources.source(scopes)
      const token = yield* source.get
      if (rejected !== RejectedToken.hash(token) || !believes(source, yield* Instant.monotonic)) return token
      yield* source.invalidate(token)
      return yield* source.get
    }).pipe(Effect.scoped, Effect.mapError((error) => ServerPolicy.fromTokenError(error)))

  /** Refuses a token that can be used for more than was granted (M5). */
  const checkClaims = Effect.fnUntraced(function*(token: AccessToken, granted: Scopes.Scopes) {
    const reach = ServerPolicy.reachOf(token)
    if (allowWiderClaims || ServerPolicy.isWithin(reach, granted)) return
    const event = { granted, reach }
    yield* Effect.logWarning(`A page doesn't get a token: ${describe(event)}.`)
    // In the background: it can neither hold up the refusal nor change it (M5).
    yield* Effect.suspend(() => onWiderClaims(event)).pipe(
      Effect.interruptible,
      Effect.disconnect,
      Effect.timeout(ServerPolicy.timeLimit),
      Effect.catchAllCause((cause) => Effect.logError("A mediator's onWiderClaims failed.", cause)),
      Effect.forkDaemon
    )
    yield* Effect.fail(ServerPolicy.tooWide)
  })

  /** Counts a refusal and says why, so that an operator can find out what a page sees (M3). */
  const respondRefused = (refused: ServerPolicy.Refused) =>
    Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ headers }) => {
      const sender = refused.reason === "origin"
        ? `; ${ServerPolicy.senderOf(headers)}, and the pages are of ${origin}`
        : ""
      return Effect.logDebug(`A mediator refuses a request: ${refused.reason}${sender}.`).pipe(
        Effect.zipRight(Metric.increment(Metric.tagged(Telemetry.mediatorRefusals, "reason", refused.reason))),
        Effect.as(refusalResponse(refused))
      )
    })

  const respond = Effect.gen(function*() {
    const request = yield* HttpServerRequest.HttpServerRequest
    const refused = ServerPolicy.refusalBeforeReading(request, origin)
    if (refused !== undefined) return yield* Effect.fail(refused)
    const asked = yield* readBody(request)
    const granted = yield* grantedFor(asked)
    const token = yield* tokenFor(granted, asked.rejected)
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
      respondRefused(Option.getOrElse(Cause.failureOption(cause), () => ServerPolicy.defect))
    ),
    Effect.interruptible // a server shields its handlers, and a handler that waits for a token would outlive its page
  )
})
