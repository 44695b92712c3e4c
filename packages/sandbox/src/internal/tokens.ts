/*
 * The sandbox's tokens: JWTs with the claims of the vendor's sample, signed with RS512 (X1).
 */
import { Claims } from "@effect-tilia/core/AccessToken"
import type { Scopes } from "@effect-tilia/core/Scopes"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as jose from "jose"

const algorithm = "RS512"

export interface Tokens {
  /** The public key, as `/.well-known/jwks.json` shows it. */
  readonly jwks: jose.JSONWebKeySet
  /** Signs a new token. */
  readonly issue: (grant: {
    readonly clientId: string
    readonly scopes: Scopes
    /** The time of the claim `iat`, in seconds since 1970. */
    readonly issuedAt: number
    /** The time from `iat` to `exp`, in seconds. */
    readonly lifetime: number
    /** Whether `verify` refuses the token from the start. */
    readonly revoked: boolean
  }) => Effect.Effect<string>
  /** The claims of a token, if it is valid at this time, in milliseconds since 1970. */
  readonly verify: (token: string, now: number) => Effect.Effect<Claims, "invalid_token">
  /** Makes `verify` refuse every token that was issued before. */
  readonly revokeAll: Effect.Effect<void>
}

/**
 * The identifier of the token with this number: a random UUID whose first 12 digits are the number. So the identifier
 * tells whether its token was revoked, and the sandbox remembers no token (X6).
 */
const identifierOf = (number: number): string => {
  const digits = number.toString(16).padStart(12, "0")
  return `${digits.slice(0, 8)}-${digits.slice(8)}${crypto.randomUUID().slice(13)}`
}

const numberOf = (jti: string): number => Number.parseInt(jti.slice(0, 13).replace("-", ""), 16)

const decodeClaims = Schema.decodeUnknown(Claims)

let keyPair: Promise<jose.GenerateKeyPairResult> | undefined

/**
 * The keys of all sandboxes of this process, made with the first one and only in memory (X5). To make them takes a
 * quarter of a second of a processor, which is long in a suite with a sandbox for each test.
 */
const keys = Effect.promise(() => keyPair ??= jose.generateKeyPair(algorithm))

/** Each sandbox has a `kid` of its own. So it refuses the tokens of the others, as everyone does who has its JWKS. */
export const make: Effect.Effect<Tokens> = Effect.gen(function*() {
  const { privateKey, publicKey } = yield* keys
  const jwk = yield* Effect.promise(() => jose.exportJWK(publicKey))
  const kid = crypto.randomUUID()
  let lastIssued = 0
  /** The tokens up to this number are revoked. No valid token has the number 0. */
  let lastRevoked = 0
  return {
    jwks: { keys: [{ ...jwk, alg: algorithm, kid, use: "sig" }] },
    issue: (grant) =>
      Effect.promise(() =>
        new jose.SignJWT({
          account_id: "",
          client_id: grant.clientId,
          exp: grant.issuedAt + grant.lifetime,
          iat: grant.issuedAt,
          integrator: "upland",
          jti: identifierOf(grant.revoked ? 0 : ++lastIssued),
          nbf: 0,
          scopes: grant.scopes,
          token_type: "client_credentials",
          username: ""
        }).setProtectedHeader({ alg: algorithm, kid, typ: "JWT" }).sign(privateKey)
      ),
    verify: (token, now) =>
      Effect.tryPromise(() => jose.jwtVerify(token, publicKey, { algorithms: [algorithm], currentDate: new Date(now) }))
        .pipe(
          Effect.filterOrFail(({ protectedHeader }) => protectedHeader.kid === kid),
          Effect.flatMap(({ payload }) => decodeClaims(payload)),
          Effect.filterOrFail(({ jti = "" }) => numberOf(jti) > lastRevoked),
          Effect.mapError(() => "invalid_token" as const)
        ),
    revokeAll: Effect.sync(() => {
      lastRevoked = lastIssued
    })
  }
})
