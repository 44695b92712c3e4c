/*
 * Certificates for scripted servers. They are made at run time, so that no private key is in the repository.
 */
import "reflect-metadata"
import * as x509 from "@peculiar/x509"
import * as Effect from "effect/Effect"

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" }
const day = 24 * 60 * 60 * 1000

const newKeys = (): Promise<CryptoKeyPair> => crypto.subtle.generateKey(algorithm, true, ["sign", "verify"])

const privatePem = async ({ privateKey }: CryptoKeyPair) =>
  x509.PemConverter.encode(await crypto.subtle.exportKey("pkcs8", privateKey), "PRIVATE KEY")

/** A certificate and its private key, both in PEM form. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

export interface Authority {
  /** The certificate of the authority, in PEM form. */
  readonly ca: string
  /** Issues a certificate for `host` (127.0.0.1), which expires after this many `days` (1). */
  readonly issue: (options?: { readonly host?: string; readonly days?: number }) => Effect.Effect<Certificate>
}

/** A new certificate authority. */
export const make: Effect.Effect<Authority> = Effect.promise(async () => {
  const keys = await newKeys()
  const now = Date.now()
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    name: "CN=Test authority",
    notBefore: new Date(now - 30 * day),
    notAfter: new Date(now + 30 * day),
    keys,
    signingAlgorithm: algorithm,
    extensions: [new x509.BasicConstraintsExtension(true, 1, true)]
  })
  return {
    ca: root.toString("pem"),
    issue: ({ days = 1, host = "127.0.0.1" } = {}) =>
      Effect.promise(async () => {
        const leaf = await newKeys()
        const cert = await x509.X509CertificateGenerator.create({
          subject: `CN=${host}`,
          issuer: root.subject,
          notBefore: new Date(now - 20 * day),
          notAfter: new Date(now + days * day),
          publicKey: leaf.publicKey,
          signingKey: keys.privateKey,
          signingAlgorithm: algorithm,
          extensions: [
            new x509.SubjectAlternativeNameExtension([{ type: host === "127.0.0.1" ? "ip" : "dns", value: host }])
          ]
        })
        return { cert: cert.toString("pem"), key: await privatePem(leaf) }
      })
  }
})
