/*
 * The forms in which a secret may appear in a text: as it is, or encoded by some layer on the way.
 */
import * as Encoding from "effect/Encoding"

export type Form = "plain" | "percent-encoded" | "form-encoded" | "HTML" | "escaped" | "base64" | "hex" | "bytes"

const byteOf = (digits: string): string => String.fromCharCode(Number.parseInt(digits, 16))

/** The bytes become one character each, so UTF-8 is not decoded: see `latin1`. */
const percentDecoded = (text: string): string => text.replace(/%([0-9a-f]{2})/gi, (_, digits: string) => byteOf(digits))

const entities: Readonly<Record<string, string>> = { amp: "&", apos: "'", gt: ">", lt: "<", quot: "\"" }

const htmlDecoded = (text: string): string =>
  text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(\w{2,4}));/gi, (whole, decimal?: string, hex?: string, name = "") => {
    const code = decimal === undefined ? Number.parseInt(hex ?? "", 16) : Number(decimal)
    if (code <= 0x10ffff) return String.fromCodePoint(code)
    return entities[String(name).toLowerCase()] ?? whole
  })

/** Decodes the string literals of JSON and JavaScript. Of `\"` and `\\` the second character is left. */
const unescaped = (text: string): string =>
  text.replace(
    /\\(?:u([0-9a-f]{4})|x([0-9a-f]{2})|(.))/gis,
    (_, unicode?: string, hex?: string, other = "") => {
      if (unicode !== undefined || hex !== undefined) return byteOf(unicode ?? hex ?? "")
      return { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" }[String(other)] ?? String(other)
    }
  )

const decoders: ReadonlyArray<readonly [Form, (text: string) => string]> = [
  ["percent-encoded", percentDecoded],
  ["form-encoded", (text) => percentDecoded(text.replaceAll("+", " "))],
  ["HTML", htmlDecoded],
  ["escaped", unescaped]
]

/**
 * What is left of a text if up to three encodings are undone, in any order, each under the form that is outermost. A
 * log may hold JSON that quotes a URL.
 */
const decodings = (text: string): ReadonlyMap<string, Form> => {
  const found = new Map<string, Form>()
  let layer: ReadonlyArray<readonly [text: string, outermost: Form | undefined]> = [[text, undefined]]
  for (let depth = 0; depth < 3; depth++) {
    const next: Array<readonly [string, Form]> = []
    for (const [outer, outermost] of layer) {
      for (const [form, decode] of decoders) {
        const inner = decode(outer)
        if (inner === text || found.has(inner)) continue
        found.set(inner, outermost ?? form)
        next.push([inner, outermost ?? form])
      }
    }
    layer = next
  }
  return found
}

/** The bytes of a text in UTF-8, as one character each. */
const latin1 = (text: string): string => String.fromCharCode(...new TextEncoder().encode(text))

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

/** Matches the bytes of a text in hex, also one by one as in `<Buffer 61 62>` or `61:62`. */
const inHex = (secret: string): RegExp =>
  new RegExp(Encoding.encodeHex(secret).replace(/..(?=.)/g, "$&[\\s:,-]*(?:0x)?"), "i")

/** Matches the bytes of a text as decimal numbers: `[ 97, 98 ]`, or `{"0":97,"1":98}` as JSON has a `Uint8Array`. */
const inDecimal = (secret: string): RegExp =>
  new RegExp(`(?<!\\d)${[...new TextEncoder().encode(secret)].join(",\\s*(?:\"?\\d+\"?:\\s*)?")}(?!\\d)`)

/** Makes a function that finds the forms in which a text contains the secret. Only base64 depends on the case. */
export const finder = (secret: string): (text: string) => ReadonlySet<Form> => {
  const needles = [secret.toLowerCase(), latin1(secret).toLowerCase()]
  const base64 = inBase64(secret)
  const cases = [secret, secret.toLowerCase(), secret.toUpperCase()]
  const hex = cases.map(inHex)
  const decimal = cases.map(inDecimal)
  const isPlain = (text: string) => needles.some((needle) => text.toLowerCase().includes(needle))
  const isBase64 = (text: string) => base64.some((form) => text.includes(form))

  return (text) => {
    const forms = new Set<Form>()
    if (isPlain(text)) forms.add("plain")
    if (isBase64(text)) forms.add("base64")
    if (hex.some((pattern) => pattern.test(text))) forms.add("hex")
    if (decimal.some((pattern) => pattern.test(text))) forms.add("bytes")
    // A text that shows the secret as it is also shows it decoded. So only what nothing else shows counts.
    if (forms.size > 0) return forms
    for (const [decoded, form] of decodings(text)) {
      if (isPlain(decoded) || isBase64(decoded)) return new Set([form])
    }
    return forms
  }
}
