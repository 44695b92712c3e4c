/*
 * The sandbox's tokens: JWTs with the claims of the vendor's sample, signed with RS512 (X1).
 */
import type { Scopes } from "@effect-tilia/core/Scopes"
import * as Effect from "effect/Effect"
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
  readonly verify: (token: string, now: number) => Effect.Effect<jose.JWTPayload, "invalid_token">
  /** Makes `verify` refuse every token that was issued before. */
  readonly revokeAll: Effect.Effect<void>
}

/** Makes the key pair. The keys are only in memory, and end with the sandbox (X5). */
export const make: Effect.Effect<Tokens> = Effect.gen(function*() {
  const { privateKey, publicKey } = yield* Effect.promise(() => jose.generateKeyPair(algorithm))
  const jwk = yield* Effect.promise(() => jose.exportJWK(publicKey))
  const issued = new Set<string>()
  const revoked = new Set<string>()
  return {
    jwks: { keys: [{ ...jwk, alg: algorithm, use: "sig" }] },
    issue: (grant) =>
      Effect.promise(() => {
        const jti = crypto.randomUUID()
        issued.add(jti)
        if (grant.revoked) revoked.add(jti)
        return new jose.SignJWT({
          account_id: "",
          client_id: grant.clientId,
          exp: grant.issuedAt + grant.lifetime,
          iat: grant.issuedAt,
          integrator: "upland",
          jti,
          nbf: 0,
          scopes: grant.scopes,
          token_type: "client_credentials",
          username: ""
        }).setProtectedHeader({ alg: algorithm, typ: "JWT" }).sign(privateKey)
      }),
    verify: (token, now) =>
      Effect.tryPromise({
        try: () => jose.jwtVerify(token, publicKey, { algorithms: [algorithm], currentDate: new Date(now) }),
        catch: () => "invalid_token" as const
      }).pipe(
        Effect.map(({ payload }) => payload),
        Effect.filterOrFail(({ jti = "" }) => !revoked.has(jti), () => "invalid_token" as const)
      ),
    revokeAll: Effect.sync(() => {
      for (const jti of issued) revoked.add(jti)
    })
  }
})
