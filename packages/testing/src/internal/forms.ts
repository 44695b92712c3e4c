/*
 * The forms in which a secret may appear in a text: as it is, or encoded by some layer on the way.
 */
import * as Encoding from "effect/Encoding"

export type Form = "plain" | "percent-encoded" | "base64" | "hex"

/** Decodes a text until it no longer changes, at most `times` times. */
const percentDecoded = (text: string, times = 3): string => {
  const decoded = text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return decoded === text || times === 0 ? text : percentDecoded(decoded, times - 1)
}

/**
 * The secret in base64 and base64url, once for each of the three positions at which it can begin in a longer text. The
 * characters that also depend on the text beside the secret are cut off.
 */
const inBase64 = (secret: string): ReadonlyArray<string> =>
  [0, 1, 2].flatMap((before) => {
    const length = before + new TextEncoder().encode(secret).length
    const whole = Encoding.encodeBase64(" ".repeat(before) + secret)
    const inner = whole.slice(Math.ceil((before * 8) / 6), Math.floor((length * 8) / 6))
    return [inner, inner.replaceAll("+", "-").replaceAll("/", "_")]
  })

/** For each form, a test of whether a text contains the secret in that form. Only base64 depends on the case. */
export const detectors = (secret: string): Readonly<Record<Form, (text: string) => boolean>> => {
  const lower = secret.toLowerCase()
  const base64 = inBase64(secret)
  const hex = [secret, lower, secret.toUpperCase()].map((secret) => Encoding.encodeHex(secret))
  const isPlain = (text: string) => text.toLowerCase().includes(lower)
  return {
    "plain": isPlain,
    "percent-encoded": (text) => !isPlain(text) && isPlain(percentDecoded(text)),
    "base64": (text) => base64.some((form) => text.includes(form)),
    "hex": (text) => hex.some((form) => text.toLowerCase().includes(form))
  }
}
