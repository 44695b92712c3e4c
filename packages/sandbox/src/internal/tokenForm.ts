/*
 * The form of `POST /token`: X1 and X2, up to the point where the client has to be known.
 */
import { ClientId, ClientSecret } from "@effect-tilia/core/ClientCredentials"
import { Scopes } from "@effect-tilia/core/Scopes"
import * as TokenRequest from "@effect-tilia/core/TokenRequest"
import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Refused } from "./refused.js"

const mediaType = "application/x-www-form-urlencoded"
const maxBytes = 64 * 1024

const tooLarge = new Refused({
  status: 413,
  code: "REQUEST_TOO_LARGE",
  message: "the body may have 64 KiB",
  headers: { connection: "close" }
})

const invalid = (message: string, errors: Readonly<Record<string, ReadonlyArray<string>>> = {}) =>
  new Refused({ status: 400, code: "INPUT_ERROR", message, errors })

const readBody = (request: HttpServerRequest.HttpServerRequest): Effect.Effect<string, Refused> =>
  Effect.suspend(() => {
    if (Number(request.headers["content-length"] ?? 0) > maxBytes) return tooLarge
    const decoder = new TextDecoder()
    let text = ""
    let size = 0
    return request.stream.pipe(
      Stream.mapError(() => invalid("the body broke off")),
      Stream.runForEach((chunk) => {
        size += chunk.length
        if (size <= maxBytes) text += decoder.decode(chunk, { stream: true })
        // A client that is still writing would find its connection reset, not the answer: read on for a while.
        return size > 16 * maxBytes ? tooLarge : Effect.void
      }),
      Effect.flatMap(() => size > maxBytes ? tooLarge : Effect.succeed(text))
    )
  })

const decode = Schema.decodeUnknownEither(TokenRequest.TokenRequest)

const fields = {
  client_id: Schema.decodeUnknownEither(ClientId),
  client_secret: Schema.decodeUnknownEither(ClientSecret),
  grant_type: Schema.decodeUnknownEither(Schema.Literal("client_credentials")),
  scope: Schema.decodeUnknownEither(Scopes)
}

const problemOf = (
  [value, ...others]: ReadonlyArray<string>,
  decode: (value: unknown) => Either.Either<unknown, unknown>
) => {
  if (value === undefined) return ["is required"]
  if (others.length > 0) return ["is repeated"]
  return Either.isLeft(decode(value)) ? ["is invalid"] : []
}

/** What is wrong, by field; never a value. */
const problemsOf = (form: URLSearchParams): Readonly<Record<string, ReadonlyArray<string>>> =>
  Object.fromEntries(
    Object.entries(fields)
      .map(([name, decode]) => [name, problemOf(form.getAll(name), decode)] as const)
      .filter(([, problems]) => problems.length > 0)
  )

const isFormMediaType = (contentType: string | undefined): boolean =>
  contentType?.split(";")[0]?.trim().toLowerCase() === mediaType

/** The token request in an HTTP request, or why there is none. */
export const parse = (
  request: HttpServerRequest.HttpServerRequest,
  query: URLSearchParams
): Effect.Effect<TokenRequest.TokenRequest, Refused> =>
  Effect.gen(function*() {
    if (Object.keys(fields).some((name) => query.has(name))) {
      return yield* invalid("credentials belong in the body: a URL is logged")
    }
    if (!isFormMediaType(request.headers["content-type"])) {
      return yield* new Refused({
        status: 415,
        code: "UNSUPPORTED_MEDIA_TYPE",
        message: `the body must be ${mediaType}`,
        headers: { "accept-post": mediaType }
      })
    }
    const form = new URLSearchParams(yield* readBody(request))
    const errors = problemsOf(form)
    if (Object.keys(errors).length > 0) return yield* invalid("input is invalid", errors)
    return yield* Either.mapLeft(decode(Object.fromEntries(form)), () => invalid("input is invalid"))
  })
