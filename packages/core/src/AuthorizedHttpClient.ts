/**
 * An HTTP client whose requests carry a valid token, to the API's origins and nowhere else (A1–A6; RFC 6750 §2.1).
 *
 * @since 0.1.0
 */
import * as Headers from "@effect/platform/Headers"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as UrlParams from "@effect/platform/UrlParams"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { AccessToken } from "./AccessToken.js"
import { Environment } from "./Environment.js"
import * as Answer from "./internal/tokenEndpoint/rawResponse.js"
import { validate } from "./internal/input.js"
import { withoutRedirects } from "./internal/redirects.js"
import { isSafe } from "./internal/safeUrl.js"
import * as Unsigned from "./internal/authorizedHttpClient/withoutAuthorization.js"
import type { InvalidInputError, TokenError } from "./TokenError.js"
import { TokenSource } from "./TokenSource.js"

/**
 * Which refused requests are made once more, with a new token: those that may be made twice (GET, HEAD, PUT, DELETE,
 * OPTIONS, and any with an `Idempotency-Key`), all, or none. One whose body can't be read twice never is.
 *
 * @since 0.1.0
 * @category models
 */
export type Replay = "idempotent" | "always" | "never"

/**
 * `replay` is `"idempotent"` unless said otherwise: this API moves money.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly replay?: Replay | undefined
}

/**
 * The request's URL is none that may receive the token (A1): not one of the listed origins, not HTTPS (or loopback), or
 * one with a user or a password in it. Nothing was sent.
 *
 * @since 0.1.0
 * @category errors
 */
export class ForbiddenOriginError
  extends Schema.TaggedError<ForbiddenOriginError>("@effect-tilia/core/ForbiddenOriginError")("ForbiddenOriginError", {
    origin: Schema.String
  })
{
  readonly retryable = false
  override readonly message: string =
    `The access token isn't sent to ${this.origin}: use a plain HTTPS URL of one of the API's origins, ` +
    "or list this one in apiOrigins."
}

/**
 * An `HttpClient` that adds the bearer. Beside its own errors it fails with a `TokenError` where no token can be had, and
 * with a `ForbiddenOriginError`. Answers and errors show the request as it was made, without the token (A6).
 *
 * @since 0.1.0
 * @category tags
 */
export class AuthorizedHttpClient extends Context.Tag("@effect-tilia/core/AuthorizedHttpClient")<
  AuthorizedHttpClient,
  HttpClient.HttpClient.With<HttpClientError.HttpClientError | TokenError | ForbiddenOriginError>
>() {}

const ReplaySchema = Schema.Literal("idempotent", "always", "never").annotations({
  description: "\"idempotent\", \"always\" or \"never\""
})

const idempotent = new Set<string>(["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])

const isReadTwice = ({ body }: HttpClientRequest.HttpClientRequest): boolean =>
  body._tag === "Raw" ? typeof body.body === "string" || body.body instanceof URLSearchParams : body._tag !== "Stream"

/** A2 */
const isReplayable = (request: HttpClientRequest.HttpClientRequest, replay: Replay): boolean =>
  replay !== "never" && isReadTwice(request) &&
  (replay === "always" || idempotent.has(request.method) || Headers.has(request.headers, "idempotency-key"))

/** A1: what is wrong with a request's URL, if anything is. */
const forbiddenOrigin = (
  { hash, url, urlParams }: HttpClientRequest.HttpClientRequest,
  apiOrigins: ReadonlySet<string>
): ForbiddenOriginError | undefined =>
  Either.match(UrlParams.makeUrl(url, urlParams, hash), {
    onLeft: () => new ForbiddenOriginError({ origin: "what is no URL" }),
    onRight: (url) =>
      apiOrigins.has(url.origin) && isSafe(url) ? undefined : new ForbiddenOriginError({ origin: url.origin })
  })

/** The header's text, made once for each token: it is long, and goes with every request (P8). */
const headerOf = () => {
  let last: { readonly token: AccessToken; readonly header: string } | undefined
  return (token: AccessToken): string =>
    (last = last?.token === token ? last : { token, header: `Bearer ${Redacted.value(token.value)}` }).header
}

/** An answer that nobody will read: its connection serves the next request, unless it has too much to say. */
const drain = ({ stream }: HttpClientResponse.HttpClientResponse): Effect.Effect<void> =>
  Effect.suspend(() => {
    let left = 64 * 1024
    return stream.pipe(
      Stream.runForEachWhile((chunk) => Effect.sync(() => (left -= chunk.length) > 0)),
      Effect.timeout("1 second"),
      Effect.exit, // a body that the given client has read dies
      Effect.asVoid
    )
  })

/**
 * Gives a client's requests a source's token. `apiOrigins` are the only origins that receive it. A client that follows
 * redirects or retries by itself must wrap the result, not the other way round (A4).
 *
 * @since 0.1.0
 * @category combinators
 */
export const authorize = <E, R>(
  client: HttpClient.HttpClient.With<E, R>,
  source: TokenSource["Type"],
  { apiOrigins, replay = "idempotent" }: Options & { readonly apiOrigins: ReadonlyArray<string> }
): HttpClient.HttpClient.With<E | HttpClientError.HttpClientError | TokenError | ForbiddenOriginError, R> => {
  const origins = new Set(apiOrigins)
  const inner = withoutRedirects(client)
  const header = headerOf()

  const execute = (request: HttpClientRequest.HttpClientRequest) => {
    let sent: AccessToken | undefined
    // Behind whatever the given client itself makes of a request: the URL that is looked at is the one that is sent to.
    const sign = (
      outgoing: HttpClientRequest.HttpClientRequest
    ): Effect.Effect<HttpClientRequest.HttpClientRequest, TokenError | ForbiddenOriginError> => {
      const forbidden = forbiddenOrigin(outgoing, origins)
      return forbidden !== undefined ? Effect.fail(forbidden) : Effect.map(source.get, (token) => {
        sent = token
        return HttpClientRequest.setHeader(outgoing, "authorization", header(token))
      })
    }
    const signed = HttpClient.mapRequestEffect(inner, sign).execute(request)

    type Sent = Effect.Effect<
      HttpClientResponse.HttpClientResponse,
      E | HttpClientError.HttpClientError | TokenError | ForbiddenOriginError,
      R
    >

    /** Sends, and has a look at what is refused: `then` gets the answer, and the effect that ends with it as it is. */
    const send = (
      then: (token: AccessToken, answer: HttpClientResponse.HttpClientResponse, asItIs: Sent) => Sent
    ): Sent => {
      const look = (answer: HttpClientResponse.HttpClientResponse | undefined, asItIs: Sent): Sent =>
        answer?.status === 401 && sent !== undefined
          ? Effect.zipRight(source.invalidate(sent), then(sent, answer, asItIs))
          : asItIs
      return Effect.matchEffect(signed, {
        onSuccess: (answer) => look(answer, Effect.succeed(Unsigned.response(request, answer))),
        onFailure: (error) => look(Answer.behind(error), Effect.fail(Unsigned.error(request, error)))
      })
    }

    return send((refused, answer, asItIs) =>
      isReplayable(request, replay)
        ? source.get.pipe(
          Effect.tapError(() => drain(answer)),
          Effect.flatMap((token) =>
            // S9: it stays as it is, so there is no other one to try.
            Equal.equals(token.value, refused.value)
              ? asItIs
              : Effect.zipRight(drain(answer), send((_token, _answer, again) => again))
          )
        )
        : asItIs
    )
  }
  return HttpClient.makeWith(
    (request) => Effect.flatMap(request, execute),
    Effect.succeed<HttpClientRequest.HttpClientRequest>
  )
}

/**
 * The same client for code that knows `HttpClient` only: a `TokenError` or a `ForbiddenOriginError` becomes the cause of a
 * `RequestError`.
 *
 * @since 0.1.0
 * @category combinators
 */
export const folded = <E, R>(
  client: HttpClient.HttpClient.With<E, R>
): HttpClient.HttpClient.With<HttpClientError.HttpClientError, R> =>
  HttpClient.makeWith(
    (request) =>
      Effect.flatMap(request, (request) =>
        Effect.mapError(client.execute(request), (error) =>
          HttpClientError.isHttpClientError(error) ? error : new HttpClientError.RequestError({
            request,
            reason: "Transport",
            cause: error,
            description: error instanceof Error ? error.message : "no access token"
          }))),
    Effect.succeed<HttpClientRequest.HttpClientRequest>
  )

/**
 * The client as a Layer, for the origins of the `Environment`. Fails with `InvalidInputError`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  { replay = "idempotent" }: Options = {}
): Layer.Layer<AuthorizedHttpClient, InvalidInputError, Environment | HttpClient.HttpClient | TokenSource> =>
  Layer.effect(
    AuthorizedHttpClient,
    Effect.gen(function*() {
      const options = { replay: yield* validate("replay", ReplaySchema)(replay) }
      const { apiOrigins } = yield* Environment
      return authorize(yield* HttpClient.HttpClient, yield* TokenSource, { ...options, apiOrigins })
    })
  )

/**
 * The client in place of `HttpClient` itself: see `folded`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerHttpClient: Layer.Layer<HttpClient.HttpClient, never, AuthorizedHttpClient> = Layer.effect(
  HttpClient.HttpClient,
  Effect.map(AuthorizedHttpClient, folded)
)
