/*
 * A secret in a text: as it is, or as some layer on the way may have encoded it.
 */
import * as Encoding from "effect/Encoding"

/** As often as it was encoded, within reason. */
const percentDecoded = (text: string, times = 3): string => {
  const decoded = text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return decoded === text || times === 0 ? text : percentDecoded(decoded, times - 1)
}

/** Wherever the secret begins in a longer text: the characters that depend on nothing beside it. */
const base64 = (secret: string): ReadonlyArray<string> =>
  [0, 1, 2].flatMap((before) => {
    const length = before + new TextEncoder().encode(secret).length
    const whole = Encoding.encodeBase64(" ".repeat(before) + secret)
    const inner = whole.slice(Math.ceil((before * 8) / 6), Math.floor((length * 8) / 6))
    return [inner, inner.replaceAll("+", "-").replaceAll("/", "_")]
  })

/** Each form with a test of whether a text holds the secret in it. Case is ignored but in base64. */
export const forms = (secret: string) => {
  const lower = secret.toLowerCase()
  const inBase64 = base64(secret)
  const inHex = [secret, lower, secret.toUpperCase()].map((secret) => Encoding.encodeHex(secret))
  const isPlain = (text: string) => text.toLowerCase().includes(lower)
  return {
    "plain": isPlain,
    "percent-encoded": (text: string) => !isPlain(text) && isPlain(percentDecoded(text)),
    "base64": (text: string) => inBase64.some((form) => text.includes(form)),
    "hex": (text: string) => inHex.some((form) => text.toLowerCase().includes(form))
  }
}
