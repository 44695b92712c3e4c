/*
 * The seal on what a fleet's store holds (T4), and the names under which the store holds it (T5): AES-256-GCM and
 * HMAC-SHA-256, with keys that HKDF-SHA-256 derives from the client secret, by Web Cryptography. docs/design/sharing.md
 * has test vectors.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Redacted from "effect/Redacted"
import type { Credentials } from "../../ClientCredentials.js"
import * as Scopes from "../../Scopes.js"
import { longestText } from "../../StoreEngine.js"

/** The first byte of all that is sealed. Another layout of the bytes or of what they mean has another version. */
const version = 1

/** Of a nonce, in bytes (NIST SP 800-38D, 8.2.2). */
const nonceLength = 12

/** One key for each purpose, since no key may serve two. */
export interface Keys {
  readonly sealing: CryptoKey
  readonly naming: CryptoKey
}

/** What a sealed text belongs to. Moved elsewhere, it does not open. */
export interface Place {
  readonly name: string
  readonly kind: "token" | "failure"
  readonly generation: number
}

/** The text is not sealed, or with another secret, or at another place. */
export class UnsealError extends Data.TaggedError("UnsealError")<Record<never, never>> {}

const bytesOf = (text: string) => new TextEncoder().encode(text)

const derived = (
  base: CryptoKey,
  purpose: string,
  algorithm: AesKeyGenParams | HmacImportParams & { length: number }
) =>
  crypto.subtle.deriveKey(
    { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: bytesOf(`effect-tilia ${version} ${purpose}`) },
    base,
    algorithm,
    false,
    purpose === "seal" ? ["encrypt", "decrypt"] : ["sign"]
  )

/** The keys that belong to a client's secret. */
export const keysOf = ({ clientSecret }: Pick<Credentials, "clientSecret">): Effect.Effect<Keys> =>
  Effect.promise(async () => {
    const secret = bytesOf(Redacted.value(clientSecret))
    const base = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveKey"])
    return {
      sealing: await derived(base, "seal", { name: "AES-GCM", length: 256 }),
      naming: await derived(base, "name", { name: "HMAC", hash: "SHA-256", length: 256 })
    }
  })

/** The name under which the clients with this id and this secret keep their token for these scopes. */
export const nameOf = (
  { naming }: Keys,
  { clientId, scopes, tokenUrl }: {
    readonly tokenUrl: string
    readonly clientId: string
    readonly scopes: Scopes.Scopes
  }
): Effect.Effect<string> =>
  Effect.promise(async () => {
    const text = [tokenUrl, clientId.toLowerCase(), Scopes.key(scopes)].join("\n")
    return Encoding.encodeBase64Url(new Uint8Array(await crypto.subtle.sign("HMAC", naming, bytesOf(text))))
  })

const algorithmAt = ({ generation, kind, name }: Place, nonce: Uint8Array<ArrayBuffer>): AesGcmParams => ({
  name: "AES-GCM",
  iv: nonce,
  additionalData: bytesOf([String(version), name, kind, String(generation)].join("\n"))
})

/** A new nonce for each text: two with the same one would show what they have in common. */
export const newNonce: Effect.Effect<Uint8Array<ArrayBuffer>> = Effect.sync(() =>
  crypto.getRandomValues(new Uint8Array(nonceLength))
)

/** Version, nonce, and then the text, encrypted and authenticated: in base64url (RFC 4648 §5). */
export const seal = (
  { sealing }: Keys,
  place: Place,
  nonce: Uint8Array<ArrayBuffer>,
  text: string
): Effect.Effect<string> =>
  Effect.promise(async () => {
    const sealed = await crypto.subtle.encrypt(algorithmAt(place, nonce), sealing, bytesOf(text))
    return Encoding.encodeBase64Url(new Uint8Array([version, ...nonce, ...new Uint8Array(sealed)]))
  })

/** The text that was sealed with these keys at this place. */
export const unseal = ({ sealing }: Keys, place: Place, sealed: string): Effect.Effect<string, UnsealError> =>
  Effect.suspend(() => {
    if (sealed.length > longestText) return new UnsealError()
    const bytes = new Uint8Array(Either.getOrElse(Encoding.decodeBase64Url(sealed), () => new Uint8Array()))
    const nonce = bytes.slice(1, 1 + nonceLength)
    return bytes[0] === version
      ? Effect.tryPromise({
        try: () => crypto.subtle.decrypt(algorithmAt(place, nonce), sealing, bytes.slice(1 + nonceLength)),
        catch: () => new UnsealError()
      })
      : new UnsealError()
  }).pipe(Effect.map((text) => new TextDecoder().decode(text)))
