/*
 * The forms in which a secret may appear in a text: as it is, or encoded by some layer on the way.
 */
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"

export type Form = "plain" | "percent-encoded" | "form-encoded" | "HTML" | "escaped" | "base64" | "hex" | "bytes"

const byteOf = (digits: string): string => String.fromCharCode(Number.parseInt(digits, 16))

/** The bytes become one character each, so UTF-8 is not decoded: see `bytesOf`. */
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

/** Bytes as one character each. */
const charactersOf = (bytes: Iterable<number>): string => {
  let text = ""
  for (const byte of bytes) text += String.fromCharCode(byte)
  return text
}

/** What base64 of either alphabet, without padding, stands for. */
const base64Decoded = (text: string): string => {
  const decoded = Encoding.decodeBase64Url(text.slice(0, text.length - (text.length % 4 === 1 ? 1 : 0)))
  return Either.match(decoded, { onLeft: () => "", onRight: charactersOf })
}

/**
 * Decodes all that looks like base64 and has at least this length, also in lines, as mail has it. A run may begin with
 * something else, as `key_`, so each of the four positions at which its first group can begin is tried.
 */
const base64RunsDecoded = (shortest: number) => (text: string): string => {
  const texts: Array<string> = []
  for (const [run] of text.matchAll(/[\w+/-]+(?:[ \t]*\r?\n[ \t]*[\w+/-]+)*/g)) {
    if (run.length < shortest) continue
    const digits = run.replace(/\s+/g, "").replaceAll("+", "-").replaceAll("/", "_")
    for (const start of [0, 1, 2, 3]) texts.push(base64Decoded(digits.slice(start)))
  }
  return texts.join("\n")
}

/** Decodes all that looks like hex and has at least so many bytes, also with something between the bytes. */
const hexRunsDecoded = (fewest: number) => (text: string): string => {
  const texts: Array<string> = []
  for (const [run] of text.matchAll(/(?:[\da-f]{2}[\s:,-]*(?:0x)?)+/gi)) {
    const digits = run.replace(/0x|[^\da-f]/gi, "")
    if (digits.length < 2 * fewest) continue
    for (const start of [0, 1]) texts.push(digits.slice(start).replace(/../g, byteOf))
  }
  return texts.join("\n")
}

/** Decodes all that looks like bytes as decimal numbers: `[ 97, 98 ]`, or `{"0":97,"1":98}` as JSON has them. */
const decimalRunsDecoded = (text: string): string => {
  const withoutKeys = text.replace(/"?(?<!\d)\d{1,9}"?:\s*/g, "")
  const runs = withoutKeys.matchAll(/(?<!\d)\d{1,3}(?:,\s*\d{1,3})*(?!\d)/g)
  return Array.from(runs, ([run]) => charactersOf(run.split(",").map(Number))).join("\n")
}

type Decoder = readonly [Form, (text: string) => string]

/** What undoes each encoding of a text of at least so many bytes. No encoding makes a text shorter. */
const decodersFor = (bytes: number): ReadonlyArray<Decoder> => [
  ["percent-encoded", percentDecoded],
  ["form-encoded", (text) => percentDecoded(text.replaceAll("+", " "))],
  ["HTML", htmlDecoded],
  ["escaped", unescaped],
  ["base64", base64RunsDecoded(Math.max(4, Math.ceil(bytes * 8 / 6)))],
  ["hex", hexRunsDecoded(Math.max(2, bytes))]
]

/** How many characters of decoded texts are searched. A text that is in truth an image must not take forever. */
const maxDecoded = 8_000_000

/**
 * What is left of a text if up to three encodings are undone, in any order, each under the form that is outermost. A
 * log may hold JSON that quotes a URL.
 */
function* decodings(text: string, decoders: ReadonlyArray<Decoder>): Generator<readonly [text: string, Form]> {
  const found = new Set([text, ""])
  let size = 0
  let layer: ReadonlyArray<readonly [text: string, outermost: Form | undefined]> = [[text, undefined]]
  for (let depth = 0; depth < 3; depth++) {
    const next: Array<readonly [string, Form]> = []
    for (const [outer, outermost] of layer) {
      for (const [form, decode] of decoders) {
        if (size > maxDecoded) return
        const inner = decode(outer)
        if (found.has(inner)) continue
        found.add(inner)
        size += inner.length
        const each = [inner, outermost ?? form] as const
        next.push(each)
        yield each
      }
    }
    layer = next
  }
}

/** The bytes of a text in UTF-8 and in UTF-16, with the low and with the high byte first. */
const bytesOf = (text: string): ReadonlyArray<Uint8Array> => {
  const units = Array.from({ length: text.length }, (_, at) => text.charCodeAt(at))
  return [
    new TextEncoder().encode(text),
    Uint8Array.from(units.flatMap((unit) => [unit & 0xff, unit >> 8])),
    Uint8Array.from(units.flatMap((unit) => [unit >> 8, unit & 0xff]))
  ]
}

/**
 * Bytes in base64 and base64url, once for each of the three positions at which they can begin in a longer text. The
 * characters that also depend on the text beside the secret are cut off.
 */
const inBase64 = (secret: Uint8Array): ReadonlyArray<string> =>
  [0, 1, 2].flatMap((before) => {
    const whole = Encoding.encodeBase64(Uint8Array.from([...Array<number>(before).fill(0), ...secret]))
    const inner = whole.slice(Math.ceil((before * 8) / 6), Math.floor(((before + secret.length) * 8) / 6))
    return [inner, inner.replaceAll("+", "-").replaceAll("/", "_")]
  })

/** Matches bytes in hex, also one by one as in `<Buffer 61 62>` or `61:62`. */
const inHex = (secret: Uint8Array): string => Encoding.encodeHex(secret).replace(/..(?=.)/g, "$&[\\s:,-]*(?:0x)?")

/** The end of a long secret, as a token: a pattern of all its bytes is too large, and tokens often begin alike. */
const end = (secret: Uint8Array): Uint8Array => secret.subarray(-128)

/** Makes a function that finds the forms in which a text contains the secret. Only base64 depends on the case. */
export const finder = (secret: string): (text: string) => ReadonlySet<Form> => {
  const needles = [secret, ...bytesOf(secret).map(charactersOf)].map((needle) => needle.toLowerCase())
  const base64 = bytesOf(secret).flatMap(inBase64)
  const cases = [...new Set([secret, secret.toLowerCase(), secret.toUpperCase()])].flatMap(bytesOf).map(end)
  const hex = new RegExp(cases.map(inHex).join("|"), "i")
  const inBytes = cases.map(charactersOf)
  const decoders = decodersFor(secret.length)
  const isPlain = (text: string) => {
    const lower = text.toLowerCase()
    return needles.some((needle) => lower.includes(needle))
  }

  const formsIn = (text: string): ReadonlySet<Form> => {
    const forms = new Set<Form>()
    if (isPlain(text)) forms.add("plain")
    if (base64.some((form) => text.includes(form))) forms.add("base64")
    if (hex.test(text)) forms.add("hex")
    const decimals = decimalRunsDecoded(text)
    if (inBytes.some((bytes) => decimals.includes(bytes))) forms.add("bytes")
    return forms
  }

  return (text) => {
    const forms = formsIn(text)
    // A text that shows the secret as it is also shows it decoded. So only what nothing else shows counts.
    if (forms.size > 0) return forms
    for (const [decoded, form] of decodings(text, decoders)) {
      if (formsIn(decoded).size > 0) return new Set([form])
    }
    return forms
  }
}
