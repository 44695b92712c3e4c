import { ClientCredentials } from "@effect-tilia/core"
import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Str from "effect/String"
import { sanitize } from "../../../src/internal/tokenEndpoint/sanitize.js"
import * as vendor from "../../fixtures/vendorSample.js"
import { within } from "../../support/within.js"

const secret = vendor.clientSecret
const clientSecret = Schema.decodeUnknownSync(ClientCredentials.ClientSecret)(secret)
const kept = (text: string) => sanitize(text, [clientSecret])

const each = (disguise: (character: string) => string) => (text: string) => [...text].map(disguise).join("")
const hex = (character: string) => character.charCodeAt(0).toString(16).padStart(2, "0")
const bytes = (text: string) => new TextEncoder().encode(text).length

const disguises: ReadonlyArray<readonly [name: string, disguise: (text: string) => string]> = [
  ["plain", (text) => text],
  ["in upper case", (text) => text.toUpperCase()],
  ["in mixed case", (text) => text.replace("b", "B").replace("c", "C")],
  ["percent-encoded", each((c) => `%${hex(c)}`)],
  ["percent-encoded in upper case", each((c) => `%${hex(c).toUpperCase()}`)],
  ["in upper case and percent-encoded", (text) => each((c) => `%${hex(c)}`)(text.toUpperCase())],
  ["percent-encoded in part", (text) => text.replaceAll("-", "%2D")],
  ["percent-encoded twice", each((c) => `%25${hex(c)}`)],
  ["percent-encoded thrice, with its percents in upper and lower case", each((c) => `%2525${hex(c)}`)],
  ["as escapes of JSON", each((c) => `\\u00${hex(c)}`)],
  ["as escapes of JSON in upper case", each((c) => `\\u00${hex(c).toUpperCase()}`)],
  ["as escapes of JSON inside JSON", each((c) => `\\\\u00${hex(c)}`)],
  ["without its dashes", (text) => text.replaceAll("-", "")],
  ["without its dashes in upper case", (text) => text.replaceAll("-", "").toUpperCase()],
  ["with spaces for its dashes", (text) => text.replaceAll("-", " ")],
  ["as a list of its parts", (text) => text.split("-").join("; ")],
  ["as a list of its characters", (text) => [...text].join("; ")],
  ["as escapes of JavaScript", each((c) => `\\x${hex(c)}`)],
  ["as escapes of JavaScript in braces", each((c) => `\\u{${hex(c)}}`)],
  ["with escaped spaces inside", (text) => text.replaceAll("-", "%20-\\u2028")],
  ["with a zero-width space as an entity inside", (text) => text.replaceAll("-", "-&#8203;&#x200b;")],
  ["as entities of HTML", each((c) => `&#${c.charCodeAt(0)};`)],
  ["as hexadecimal entities of HTML", each((c) => `&#x${hex(c).toUpperCase()};`)],
  ["as entities of HTML inside HTML", each((c) => `&amp;#${c.charCodeAt(0)};`)],
  ["with entities for its dashes", (text) => text.replaceAll("-", "&#45;")],
  ["with no-break spaces as entities", (text) => text.replaceAll("-", "-&nbsp;&#160;")],
  ["with tags inside", (text) => text.replaceAll("-", "-<wbr>")],
  ["with tags for its dashes", (text) => text.replaceAll("-", "</b><b class='x'>")],
  ["as hexadecimal digits", each(hex)],
  ["as hexadecimal digits with spaces", (text) => [...text].map(hex).join(" ")],
  ["as hexadecimal digits with colons", (text) => [...text].map(hex).join(":")],
  ["with line breaks and tabs as JSON and JavaScript escape them", (text) => text.replaceAll("-", "\\n\\t\\r\\f")],
  ["with line breaks of JSON inside JSON", (text) => text.replaceAll("-", "-\\\\n")],
  ["as octal escapes of JavaScript", each((c) => `\\${c.charCodeAt(0).toString(8)}`)],
  ["with tags as entities of HTML inside", (text) => text.replaceAll("-", "&lt;/b&gt;&#60;b&#62;")],
  ["with tags as JSON escapes them inside", (text) => text.replaceAll("-", "\\u003cbr\\u003e")],
  ["with percent-encoded tags inside", (text) => text.replaceAll("-", "%3Cbr%3E")],
  ["as entities of HTML inside escapes of JSON", each((c) => `\\u0026#${c.charCodeAt(0)};`)],
  [
    "with each character in another form",
    (text) => [...text].map((c, n) => [c, `%${hex(c)}`, `\\u00${hex(c)}`, `%25${hex(c)}`][n % 4]).join("")
  ]
]

/** What splits a text for a machine but hardly for a reader. */
const splitters: ReadonlyArray<readonly [name: string, splitter: string]> = [
  ["NUL as in UTF-16", "\u0000"],
  ["a newline", "\n"],
  ["a soft hyphen", "\u00ad"],
  ["a zero-width space", "\u200b"],
  ["a bidi control", "\u202e"],
  ["a byte order mark", "\ufeff"]
]

describe("The secret in a server's text", () => {
  it.each(disguises)("the secret is replaced where the server repeats it %s (row 38)", (_, disguise) => {
    expect(kept(disguise(secret))).toBe("<redacted>")
    expect(kept(`client ${disguise(secret)}, refused`)).toBe("client <redacted>, refused")
    expect(kept(`${disguise(secret)} is wrong`)).toBe("<redacted> is wrong")
    expect(kept(`${disguise(secret)}${disguise(secret)}`)).toBe("<redacted><redacted>")
  })

  it("the secret is replaced inside markup, of which only the text is kept (row 38)", () => {
    expect(kept(`<html><p class="x">No client <b>${secret}</b> here</p></html>`)).toBe("No client <redacted> here")
  })

  it.each([
    ["tags", `<p>bad secret ${secret.replaceAll("-", "-<wbr>")}</p>`, "bad secret <redacted>"],
    ["elements", `<p>${secret.split("-").map((part) => `<b>${part}</b>`).join("-")}</p>`, "<redacted>"],
    ["no-break spaces", secret.replaceAll("-", "-\u00a0"), "<redacted>"],
    ["a combining joiner", secret.replaceAll("-", "-\u034f"), "<redacted>"]
  ])(
    "the secret is replaced where %s inside it are removed, which would put it together (row 168)",
    (_, text, expected) => {
      expect(kept(text)).toBe(expected)
    }
  )

  it.each([0, 1, 2, 37])("the secret is replaced in base64 after %i other characters (row 168)", (before) => {
    const text = kept(`Basic ${btoa("x".repeat(before) + secret)}`)
    expect(text).toMatch(/^Basic [\w+/]{0,51}<redacted>[\w=]{0,3}$/)
  })

  it.each(splitters)("the secret is replaced where each character is followed by %s (row 38)", (_, splitter) => {
    expect(kept(`client ${each((c) => c + splitter)(secret)}, refused`).replaceAll(" ", "")).toBe(
      "client<redacted>,refused"
    )
  })

  it.each(splitters)("the secret is replaced where %s stands inside it (row 38)", (_, splitter) => {
    expect(kept(`client ${secret.slice(0, 17)}${splitter}${secret.slice(17)}, refused`)).toBe(
      "client <redacted>, refused"
    )
  })

  it.each([1000, 1021, 1024, 8192, 256 * 1024 - 20])(
    "the cut leaves no part of a secret %i characters into the text (row 38)",
    (at) => {
      for (let shift = -40; shift <= 40; shift += 4) {
        const result = kept("x".repeat(at + shift) + secret)
        expect(result).not.toContain(secret.slice(0, 4))
        expect(bytes(result)).toBeLessThanOrEqual(1024)
      }
    }
  )

  it("only the secret is replaced, and another UUID stays (row 38)", () => {
    expect(kept(vendor.clientId)).toBe(vendor.clientId)
  })

  it.each([
    ["without its end", secret.slice(0, 32)],
    ["without its beginning", secret.slice(6)],
    ["without its beginning, its end and its dashes", secret.slice(4, -4).replaceAll("-", "")],
    ["from its first to its eighth digit", secret.slice(0, 8)],
    ["from its last but seven to its last digit", secret.slice(-8)]
  ])("a part of the secret is replaced, %s (row 38)", (_, part) => {
    expect(kept(`client ${part}..., refused`)).toBe("client <redacted>..., refused")
    expect(kept(part.toUpperCase())).toBe("<redacted>")
  })

  it("a few digits of the secret stay, by which a server may tell secrets apart (row 38)", () => {
    expect(kept(`it ends with ${secret.slice(-7)}`)).toBe(`it ends with ${secret.slice(-7)}`)
  })

  it.each(["base64", "base64url"] as const)("the secret is replaced where its bytes come in %s (row 168)", (form) => {
    const digits = "fbfffbff-3e3f-4fff-bfbe-fffefbfffbff" // in base64 they have each digit that base64url has not
    const other = Schema.decodeUnknownSync(ClientCredentials.ClientSecret)(digits)
    const text = Buffer.from(digits.replaceAll("-", ""), "hex").toString(form)
    expect(sanitize(text, [other])).toMatch(/^<redacted>.?=*$/)
  })

  it("the secret is replaced in base64 that comes in lines (row 168)", () => {
    const lines = btoa(secret).replace(/.{20}/g, "$&\n")
    expect(kept(lines)).toMatch(/^<redacted>.?=*$/)
  })

  it.each<[string, string]>([
    ["in base64", btoa(secret)],
    ["in hex", each(hex)(secret)],
    ["in base64, without its dashes", btoa(secret.replaceAll("-", ""))],
    ["in hex, without its dashes", each(hex)(secret.replaceAll("-", ""))],
    ["in base64, in upper case and without its dashes", btoa(secret.replaceAll("-", "").toUpperCase())],
    ["in base64 behind the client's id", btoa(`${vendor.clientId}:${secret}`).slice(49)]
  ])("a part of the secret %s is replaced (row 168)", (_, encoded) => {
    for (const part of [encoded, encoded.slice(0, -4), encoded.slice(6), encoded.slice(8, -8)]) {
      expect(kept(`no: ${part}`)).toMatch(/^no: .{0,3}<redacted>.{0,3}$/)
    }
  })

  const piece = FastCheck.oneof(
    FastCheck.string({ maxLength: 30 }),
    FastCheck.string({ unit: "binary", maxLength: 30 }),
    FastCheck.constantFrom(...disguises.map(([, disguise]) => disguise(secret))),
    FastCheck.constantFrom("<", ">", "<p>", "%", "\\", "eyJ", ".", "\u0000")
  )
  it.prop("the secret never gets through among random pieces of text (row 38)", [
    FastCheck.array(piece, { maxLength: 50 })
  ], ([pieces]) => {
    const result = kept(pieces.join(""))
    for (const [, disguise] of disguises) expect(result).not.toContain(disguise(secret))
    expect(bytes(result)).toBeLessThanOrEqual(1024)
    expect(result).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u)
    expect(result).toBe(result.trim())
  })
})

describe("A token in a server's text", () => {
  it.each([
    ["whole", vendor.token],
    ["cut in its signature", vendor.token.slice(0, -200)],
    ["cut in its payload", vendor.token.slice(0, 200)],
    ["cut before its signature", vendor.token.split(".").slice(0, 2).join(".")],
    ["one whose header begins with a space", vendor.token.replace(/^\w+/, btoa("{ \"alg\":\"RS512\"}"))],
    ["one whose header is indented", vendor.token.replace(/^\w+/, btoa("{\n    \"alg\":\"RS512\"}"))],
    ["one of five parts, as one that is encrypted", `${vendor.token}.AAAA.BBBB`],
    ["with percent-encoded dots", vendor.token.replaceAll(".", "%2E")],
    ["percent-encoded", each((c) => `%${hex(c)}`)(vendor.token)],
    ["with escaped dots, as in JSON", vendor.token.replaceAll(".", "\\u002e")],
    ["with escaped dots, as in HTML", vendor.token.replaceAll(".", "&#46;")],
    ["with tags at its dots", vendor.token.replaceAll(".", ".<wbr>")],
    ["with zero-width spaces at its dots", vendor.token.replaceAll(".", "\u200b.\u200b")],
    ["in lines", vendor.token.replace(/.{64}/g, "$&\n")],
    ["in lines, as JSON escapes them", vendor.token.slice(0, 880).replace(/.{22}(?=.)/g, "$&\\r\\n")]
  ])("a token is replaced where it is %s (row 22)", (_, token) => {
    expect(kept(token)).toBe("<redacted>")
    expect(kept(`the token ${token} has expired`)).toBe("the token <redacted> has expired")
    expect(kept(`<p>${token}</p>`)).toBe("<redacted>")
  })

  it.each([
    ["JSON that is cut", `{"access_token":"abc.-123","token_type":`, `{"access_token":"<redacted>","token_type":`],
    ["JSON inside a text", `no: {"Refresh-Token": "abc"}`, `no: {"Refresh-Token": "<redacted>"}`],
    ["JSON inside JSON", String.raw`{\"client_secret\":\"abc\"}`, String.raw`{\"client_secret\":\"<redacted>\"}`],
    ["a form", "id_token=abc&x=1", "id_token=<redacted>&x=1"],
    ["a form that is percent-encoded", "access_token%3Dabc%26x%3D1", "access_token%3D<redacted>%26x%3D1"]
  ])("a value that is named as a token is replaced in %s (row 22)", (_, text, expected) => {
    expect(kept(text)).toBe(expected)
  })

  it.each([
    "client_secret: must be a UUID",
    "invalid token_type: \"mac\"",
    "The token has expired, and its password= is empty.",
    "They.Joined the newoffice.example.com of eyJoined.example",
    "eyJhbGciOiJSUzUxMiIs. And no more."
  ])("a text stays that only looks as if it held a token: %s (row 22)", (text) => {
    expect(kept(text)).toBe(text)
  })

  it.each([500, 1000, 8000, 8150, 8190])(
    "the cut leaves no piece of a token %i characters into the text (row 22)",
    (at) => {
      expect(kept("x".repeat(at) + vendor.token)).not.toMatch(/eyJ[\w-]+\.e/)
      expect(kept(`<${"x".repeat(at)}>${vendor.token}`)).not.toMatch(/eyJ[\w-]+\.e/)
    }
  )
})

describe("The kept form of a server's text", () => {
  it.each([
    ["plain words", "The client is unknown.", "The client is unknown."],
    ["characters of the world", "Die Bank sagt “nein” 🦓 銀行", "Die Bank sagt “nein” 🦓 銀行"],
    ["white space", "  a \t\r\n\n b\u00a0 c ", "a b c"],
    ["control characters", "a\u0000b\u0007c\u007fd\u009be", "a b c d e"],
    ["terminal escapes", "\u001b[31mred\u001b[0m \u001b]0;title\u0007", "[31mred [0m ]0;title"],
    ["bidi controls", "a\u202eb\u2066c\u200fd", "a b c d"],
    ["zero-width characters", "a\u200bb\ufeffc", "a b c"],
    ["line separators", "a\u2028b\u2029c", "a b c"],
    ["half a surrogate pair", "a\ud83eb", "a b"],
    ["private characters", "a\ue000b", "a b"],
    ["markup", "<!DOCTYPE html><html><h1>502</h1>\n<p>Bad   gateway</p></html>", "502 Bad gateway"],
    ["markup after white space", "\n <p>Bad gateway</p>", "Bad gateway"],
    ["markup between words", "<ul><li>one</li><li>two</li></ul>", "one two"],
    ["comparison signs", "1 < 2 and 3 > 2", "1 < 2 and 3 > 2"],
    ["no characters", "", ""],
    ["no printable characters", " \u0000\n\u200b ", ""]
  ])("a server's text with %s is kept in printable form (row 39)", (_, text, expected) => {
    expect(kept(text)).toBe(expected)
  })

  it.each([
    ["one byte", "x", 1021],
    ["two bytes", "ä", 510],
    ["three bytes", "銀", 340],
    ["four bytes", "🦓", 255]
  ])("a server's text is cut at 1 KiB, never inside a character of %s (row 39)", (_, character, count) => {
    const room = Math.floor(1024 / bytes(character))
    expect(kept(character.repeat(room))).toBe(character.repeat(room))
    expect(kept(character.repeat(room + 1))).toBe(`${character.repeat(count)}…`)
    expect(kept(character.repeat(1e6 / character.length))).toBe(`${character.repeat(count)}…`)
  })

  it.each([
    "<",
    "<a",
    "eyJ",
    "eyJ.",
    "eyJa.a",
    "%25",
    "%252525",
    "%2525252539",
    "\\",
    "\\u00",
    "\\u0039",
    "\u0000",
    "\u00009",
    " ",
    "9",
    "9 ",
    "a<b>",
    "&",
    "&#45;",
    "&nbsp;",
    "-",
    "9-",
    secret.slice(0, 2),
    ...[...secret.slice(0, 3)].map((c) => `&#${c.charCodeAt(0)};`),
    `${secret.slice(0, -1)}<`,
    secret.slice(0, -1),
    Str.toUpperCase(secret)
  ])("256 KiB of %j are made printable within a second (row 39)", (piece) => {
    const text = piece.repeat(256 * 1024 / piece.length)
    // An attempt to match may begin with the first digit of the secret, and go on through all the rest.
    const results = within(1000, () => [kept(text), kept(secret[0] + text)])
    expect(Math.max(...results.map(bytes))).toBeLessThanOrEqual(1024)
  })

  it.each(disguises)("a text that repeats all of the secret but its end takes no longer, where it is %s (row 39)", (
    _,
    disguise
  ) => {
    for (let length = 1; length < secret.length; length++) {
      const part = disguise(secret.slice(0, length))
      expect(bytes(within(1000, () => kept(part.repeat(20))))).toBeLessThanOrEqual(1024)
    }
  })

  it("1 MB of text is made printable within a second (row 39)", () => {
    const result = within(1000, () => kept(`${"word ".repeat(2e5)}${Redacted.value(clientSecret)}`))
    expect(result).toMatch(/^(word )+w?o?r?d?…$/)
  })
})
