/*
 * Reads the form of `POST /token`, and checks all of it that does not depend on the client (X1, X2).
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
  message: "the body is larger than 64 KiB",
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
      Stream.mapError(() => invalid("the body is not complete")),
      Stream.runForEach((chunk) => {
        size += chunk.length
        if (size <= maxBytes) text += decoder.decode(chunk, { stream: true })
        // Reads on for a while: if it stopped, a client that is still writing would get a reset, and not the response.
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

/** What is wrong with each field. It never quotes a value (X1). */
const problemsOf = (form: URLSearchParams): Readonly<Record<string, ReadonlyArray<string>>> =>
  Object.fromEntries(
    Object.entries(fields)
      .map(([name, decode]) => [name, problemOf(form.getAll(name), decode)] as const)
      .filter(([, problems]) => problems.length > 0)
  )

const isFormMediaType = (contentType: string | undefined): boolean =>
  contentType?.split(";")[0]?.trim().toLowerCase() === mediaType

/** Reads the token request from an HTTP request. */
export const parse = (
  request: HttpServerRequest.HttpServerRequest,
  query: URLSearchParams
): Effect.Effect<TokenRequest.TokenRequest, Refused> =>
  Effect.gen(function*() {
    if (Object.keys(fields).some((name) => query.has(name))) {
      return yield* invalid("send the credentials in the body, because URLs are logged")
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
