/**
 * An HTTP client whose requests carry a valid token, to the API's origins and nowhere else.
 *
 * @example
 * import { AuthorizedHttpClient } from "@effect-tilia/core"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const client = yield* AuthorizedHttpClient.AuthorizedHttpClient
 *   const response = yield* client.get("https://invoicing.staging.tilia-inc.com/v2/invoices")
 *   return yield* response.json
 * }).pipe(
 *   Effect.catchTag("ForbiddenOriginError", ({ origin }) => Effect.dieMessage(`add ${origin} to apiOrigins`))
 * )
 *
 * @since 0.1.0
 * @see {@link https://www.rfc-editor.org/rfc/rfc6750#section-2.1 RFC 6750 §2.1} for the header
 */
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import type { ConfigError } from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import { dual } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { AccessToken } from "./AccessToken.js"
import { Environment } from "./Environment.js"
import { forbiddenOrigin, type Targets, targetsOf } from "./internal/authorizedHttpClient/originCheck.js"
import { drainLater, isReplayable, Replay as ReplaySchema } from "./internal/authorizedHttpClient/replay.js"
import * as WithoutAuthorization from "./internal/authorizedHttpClient/withoutAuthorization.js"
import { errorMessage } from "./internal/errorMessage.js"
import { responseOf } from "./internal/httpClientError.js"
import { validate } from "./internal/input.js"
import * as Labels from "./internal/labels.js"
import * as Origin from "./internal/origin.js"
import { withoutRedirects } from "./internal/redirects.js"
import * as Telemetry from "./Telemetry.js"
import * as TiliaConfig from "./TiliaConfig.js"
import type { InvalidInputError, TokenError } from "./TokenError.js"
import { TokenSource } from "./TokenSource.js"

/**
 * Which requests are sent once more, with a new token, after the API has refused them with a 401:
 *
 * - `"idempotent"`: GET, HEAD, PUT, DELETE, OPTIONS, and each request with a non-empty `Idempotency-Key` header;
 * - `"always"`: all;
 * - `"never"`: none.
 *
 * A request whose body cannot be read twice is never sent once more.
 *
 * @since 0.1.0
 * @category models
 */
export type Replay = "idempotent" | "always" | "never"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * Which requests are sent once more after a 401. The default is careful, because this API moves money.
   *
   * @default "idempotent"
   */
  readonly replay?: Replay | undefined
}

/**
 * The options of `authorize`.
 *
 * @since 0.1.0
 * @category models
 */
export interface AuthorizeOptions extends Options {
  /**
   * The only origins that receive the token, as `["https://api.example"]`. An entry with a path, as
   * `"https://api.example/v1/"`, admits that path and what is below it. `authorize` itself cannot fail: if an entry is
   * not HTTPS (or HTTP on loopback), or has user info, a query or a fragment, or if `replay` is none of its three
   * values, each request fails with an `InvalidInputError`, and nothing is sent.
   */
  readonly apiOrigins: ReadonlyArray<string | URL>
}

/**
 * The request was not sent, because its URL must not receive the token: its origin is not listed, or only with another
 * path, or it is not HTTPS (or HTTP on loopback), or it contains user info. Or its `Host` header names another host
 * than its URL.
 *
 * @since 0.1.0
 * @category errors
 */
export class ForbiddenOriginError
  extends Schema.TaggedError<ForbiddenOriginError>("@effect-tilia/core/ForbiddenOriginError")("ForbiddenOriginError", {
    /** The origin of the request's URL, or the one that its `Host` header names, as `https://other.example`. */
    origin: Schema.String
  })
{
  /** Always `false`: the same request fails again. */
  readonly retryable = false
  override readonly message: string = errorMessage(
    this,
    `The access token isn't sent to ${this.origin}: use a plain HTTPS URL at one of apiOrigins, ` +
      "or list this origin there, with or without a path."
  )
}

/**
 * An `HttpClient` that adds the bearer. Besides platform's own errors a request fails with a `TokenError` if there is
 * no token, and with a `ForbiddenOriginError`. Responses and errors show the request as the caller made it, without the
 * token.
 *
 * @since 0.1.0
 * @category models
 */
export interface AuthorizedHttpClient
  extends HttpClient.HttpClient.With<HttpClientError.HttpClientError | TokenError | ForbiddenOriginError>
{}

/**
 * @since 0.1.0
 * @category tags
 */
export const AuthorizedHttpClient: Context.Tag<AuthorizedHttpClient, AuthorizedHttpClient> = Context.GenericTag(
  "@effect-tilia/core/AuthorizedHttpClient"
)

/** The header of the current token, made once: it is long, and goes with every request (P8). */
const authorizationHeader = () => {
  let cached: { readonly token: AccessToken; readonly header: string } | undefined
  return (token: AccessToken): string => {
    if (cached?.token !== token) cached = { token, header: `Bearer ${Redacted.value(token.value)}` }
    return cached.header
  }
}

/** The options of `authorize`, or what is wrong with them, which each request fails with. */
type Checked = Either.Either<{ readonly targets: Targets; readonly replay: Replay }, InvalidInputError>

/** Adds the bearer to the requests to these targets. */
const authorizeTo = <E, R>(client: HttpClient.HttpClient.With<E, R>, source: TokenSource, checked: Checked) => {
  const inner = withoutRedirects(client)
  const header = authorizationHeader()
  const tags = Labels.tagsOf(source.labels ?? {})

  type Failure = E | HttpClientError.HttpClientError | TokenError | ForbiddenOriginError

  /** What came of one request: the token that it carried, the response if there was one, and what its caller gets. */
  interface Sent {
    readonly token: AccessToken | undefined
    readonly response: HttpClientResponse.HttpClientResponse | undefined
    readonly result: Effect.Effect<HttpClientResponse.HttpClientResponse, Failure>
  }

  const send = (request: HttpClientRequest.HttpClientRequest): Effect.Effect<Sent, never, R> =>
    Effect.suspend(() => {
      let token: AccessToken | undefined
      // Behind what the given client itself makes of a request: the URL that is checked is the one that is sent to
      // (A1).
      const addBearer = (
        outgoing: HttpClientRequest.HttpClientRequest
      ): Effect.Effect<HttpClientRequest.HttpClientRequest, TokenError | ForbiddenOriginError> => {
        if (Either.isLeft(checked)) return checked.left
        const origin = forbiddenOrigin(outgoing, checked.right.targets)
        if (origin !== undefined) return new ForbiddenOriginError({ origin })
        return Effect.map(source.get, (current) => {
          token = current
          return HttpClientRequest.setHeader(outgoing, "authorization", header(current))
        })
      }
      const call = HttpClient.mapRequestEffect(inner, addBearer).execute(request)
      return Effect.match(WithoutAuthorization.hideBearer(call), {
        onSuccess: (response): Sent => ({
          token,
          response,
          result: Effect.succeed(WithoutAuthorization.response(request, response))
        }),
        onFailure: (error): Sent => ({
          token,
          response: responseOf(error),
          result: Effect.fail(WithoutAuthorization.error(request, error))
        })
      })
    })

  /** A 401, and the token that it refuses. */
  interface Refusal {
    readonly response: HttpClientResponse.HttpClientResponse
    readonly token: AccessToken
  }

  const refusal = ({ response, token }: Sent): Refusal | undefined =>
    response?.status === 401 && token !== undefined ? { response, token } : undefined

  /** A caller that is interrupted here will not read the refused response. */
  const invalidate = ({ response, token }: Refusal): Effect.Effect<void> =>
    Effect.onError(source.invalidate(token), () => drainLater(response))

  /** What becomes of a refused request: it is sent once more with a new token, or its response is returned (A2). */
  const replayed = (request: HttpClientRequest.HttpClientRequest, first: Sent, refused: Refusal) =>
    Effect.uninterruptibleMask(Effect.fnUntraced(function*(restore) {
      yield* restore(invalidate(refused))
      if (Either.isLeft(checked) || !isReplayable(request, checked.right.replay)) return yield* first.result
      const { keep } = yield* drainLater(refused.response)
      const token = yield* restore(source.get)
      // The source has no other token to try, and said so at once (S9): the caller reads the 401.
      if (Equal.equals(token.value, refused.token.value) && keep()) return yield* first.result
      Telemetry.replays.unsafeUpdate(1, tags)
      const second = yield* restore(send(request))
      const again = refusal(second)
      if (again !== undefined) yield* restore(invalidate(again))
      return yield* second.result
    }))

  const execute = (request: HttpClientRequest.HttpClientRequest) =>
    Effect.flatMap(send(request), (first) => {
      const refused = refusal(first)
      return refused === undefined ? first.result : replayed(request, first, refused)
    })

  return HttpClient.makeWith(
    (request) => Effect.flatMap(request, execute),
    Effect.succeed<HttpClientRequest.HttpClientRequest>
  )
}

/**
 * Gives the requests of any client a source's token, if they go to one of `apiOrigins`. A client that follows redirects
 * or retries by itself must wrap the result, and not be wrapped by it: what it sends on its own would carry the token,
 * too.
 *
 * @example
 * import { AuthorizedHttpClient, TokenSource } from "@effect-tilia/core"
 * import { HttpClient } from "@effect/platform"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const source = yield* TokenSource.TokenSource
 *   const client = (yield* HttpClient.HttpClient).pipe(
 *     AuthorizedHttpClient.authorize(source, { apiOrigins: ["https://api.example"] })
 *   )
 *   return yield* client.get("https://api.example/orders")
 * })
 *
 * @since 0.1.0
 * @category combinators
 */
export const authorize: {
  (
    source: TokenSource,
    options: AuthorizeOptions
  ): <E, R>(
    client: HttpClient.HttpClient.With<E, R>
  ) => HttpClient.HttpClient.With<E | HttpClientError.HttpClientError | TokenError | ForbiddenOriginError, R>
  <E, R>(
    client: HttpClient.HttpClient.With<E, R>,
    source: TokenSource,
    options: AuthorizeOptions
  ): HttpClient.HttpClient.With<E | HttpClientError.HttpClientError | TokenError | ForbiddenOriginError, R>
} = dual(3, <E, R>(
  client: HttpClient.HttpClient.With<E, R>,
  source: TokenSource,
  { apiOrigins, replay = "idempotent" }: AuthorizeOptions
) =>
  authorizeTo(
    client,
    source,
    Either.all({
      targets: Either.map(Origin.apiOrigins(apiOrigins), targetsOf),
      replay: validate("replay", ReplaySchema)(replay)
    })
  ))

/**
 * The same client for code that knows `HttpClient` only: a `TokenError` or a `ForbiddenOriginError` becomes the cause
 * of a `RequestError`.
 *
 * @since 0.1.0
 * @category combinators
 */
export const toHttpClient = <E, R>(
  client: HttpClient.HttpClient.With<E, R>
): HttpClient.HttpClient.With<HttpClientError.HttpClientError, R> =>
  HttpClient.makeWith(
    (request) =>
      Effect.flatMap(request, (request) =>
        Effect.mapError(client.execute(request), (error) =>
          WithoutAuthorization.toHttpClientError(request, error))),
    Effect.succeed<HttpClientRequest.HttpClientRequest>
  )

/**
 * The client over the `HttpClient`, the `TokenSource` and the `Environment` in the context, for the API origins of that
 * environment. An option that is out of range is an `InvalidInputError`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: (
  options?: Options
) => Effect.Effect<AuthorizedHttpClient, InvalidInputError, Environment | HttpClient.HttpClient | TokenSource> = Effect
  .fnUntraced(function*({ replay = "idempotent" }: Options = {}) {
    const options = { replay: yield* validate("replay", ReplaySchema)(replay) }
    const apiOrigins = yield* Origin.apiOrigins((yield* Environment).apiOrigins)
    const checked = Either.right({ ...options, targets: targetsOf(apiOrigins) })
    return authorizeTo(yield* HttpClient.HttpClient, yield* TokenSource, checked)
  })

/**
 * The client as a Layer: see `make`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options?: Options
): Layer.Layer<AuthorizedHttpClient, InvalidInputError, Environment | HttpClient.HttpClient | TokenSource> =>
  Layer.effect(AuthorizedHttpClient, make(options))

/**
 * The client with options from the configuration; without an argument, all at their defaults. Whatever is missing or
 * wrong is a `ConfigError`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: TiliaConfig.Input<Options> = {}
): Layer.Layer<AuthorizedHttpClient, ConfigError, Environment | HttpClient.HttpClient | TokenSource> =>
  TiliaConfig.layer(options, layer)

/**
 * The client in place of `HttpClient` itself: see `toHttpClient`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerHttpClient: Layer.Layer<HttpClient.HttpClient, never, AuthorizedHttpClient> = Layer.effect(
  HttpClient.HttpClient,
  Effect.map(AuthorizedHttpClient, toHttpClient)
)
