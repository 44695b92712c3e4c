/*
 * Verifies a token with the public keys of its issuer, from a URL or a file.
 */
import * as Environment from "@effect-tilia/core/Environment"
import * as NodeTokenHttpClient from "@effect-tilia/node/NodeTokenHttpClient"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as jose from "jose"
import { readFile } from "node:fs/promises"
import * as Failure from "./Failure.js"
import * as Flags from "./Flags.js"
import * as Unreachable from "./Unreachable.js"

type Format = Failure.Failure["format"]

/** The keys of a token's issuer. */
export type Keys = ReturnType<typeof jose.createLocalJWKSet>

const expected = "an HTTPS URL (HTTP on loopback), or a file that can be read, of a JSON Web Key Set"

const Document = Schema.parseJson(Schema.Struct({ keys: Schema.Array(Schema.Object) }))

/** The errors of JSON and of jose are dropped. */
const parse = (text: string): Effect.Effect<Keys, Failure.Failure> =>
  Effect.gen(function*() {
    const { keys } = yield* Schema.decode(Document)(text)
    return yield* Effect.try(() => jose.createLocalJWKSet({ keys: keys.map((key) => ({ kty: "", ...key })) }))
  }).pipe(Effect.mapError(() => Flags.invalid("jwks", expected)))

/** Over plain HTTP, anyone on the way could make the keys that verify a forged token (L7). */
const checkUrl = (url: string): Effect.Effect<void, Failure.Failure> =>
  Effect.mapError(Environment.make({ authUrl: url.replace(/[?#].*$/, "") }), () => Flags.invalid("jwks", expected))

const download = (url: string, format: Format): Effect.Effect<string, Failure.Failure> =>
  Effect.gen(function*() {
    yield* checkUrl(url)
    const client = yield* NodeTokenHttpClient.make().pipe(Failure.orFail(format))
    const response = yield* client.get(url)
    const exitStatus = Failure.exitStatusOf(response.status)
    if (exitStatus === 0) return yield* response.text
    return yield* new Failure.Failure({
      error: {
        _tag: "UnexpectedResponseError",
        message: `The URL of --jwks responded with ${response.status}.`,
        retryable: exitStatus === 4,
        status: response.status
      },
      exitStatus,
      format
    })
  }).pipe(
    Effect.timeout("30 seconds"),
    Effect.scoped,
    Effect.mapError((error) =>
      error._tag === "Failure" ? error : Unreachable.failure("The URL of --jwks", error, format)
    )
  )

const readKeys = (path: string): Effect.Effect<string, Failure.Failure> =>
  Effect.mapError(Effect.tryPromise(() => readFile(path, "utf8")), () => Flags.invalid("jwks", expected))

/** The keys at a URL or in a file. */
export const load = (source: string, format: Format): Effect.Effect<Keys, Failure.Failure> =>
  Effect.flatMap(/^https?:/i.test(source) ? download(source, format) : readKeys(source), parse)

/** What is wrong with a token, by the code of jose. */
const problems: Readonly<Record<string, string>> = {
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: "its signature does not fit the key",
  ERR_JWKS_NO_MATCHING_KEY: "none of the keys is the one that its header names",
  ERR_JWKS_MULTIPLE_MATCHING_KEYS: "its header names no key, and several could be meant",
  ERR_JWT_EXPIRED: "its signature is right, but it has expired",
  ERR_JWT_CLAIM_VALIDATION_FAILED: "its signature is right, but it is not valid yet, or a time in it is no number"
}

const isCoded = Schema.is(Schema.Struct({ code: Schema.String }))

/** Nothing, or what is wrong with the token. `now` is in milliseconds since 1970. */
export const problem = (token: string, keys: Keys, now: number): Effect.Effect<string | undefined> =>
  Effect.tryPromise({
    try: () => jose.jwtVerify(token, keys, { currentDate: new Date(now) }),
    catch: (error) => isCoded(error) ? error.code : ""
  }).pipe(Effect.match({
    onSuccess: () => undefined,
    onFailure: (code) => problems[code] ?? "its signature cannot be verified with these keys"
  }))
