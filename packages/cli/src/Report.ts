/*
 * What `tilia inspect` shows of a token. Pure.
 */
import * as Printable from "@effect-tilia/core/Printable"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"

/** Whether the token was verified, and with what result. */
export type Verification =
  | { readonly _tag: "NotAsked" }
  | { readonly _tag: "Verified" }
  | { readonly _tag: "Invalid"; readonly problem: string }

/** What is known of a token. `now` is in milliseconds since 1970. */
export interface Report {
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Readonly<Record<string, unknown>>
  readonly verification: Verification
  readonly now: number
}

/** A header or a claim is text from outside, so its control characters must not reach the terminal. */
const printable = (value: unknown): string => Printable.make(typeof value === "string" ? value : JSON.stringify(value))

/** The time of a claim, which is in seconds since 1970. `None` if it is none, or is too large for a calendar. */
const dateTime = (seconds: unknown): Option.Option<DateTime.Utc> =>
  Predicate.isNumber(seconds) ? DateTime.make(seconds * 1000) : Option.none()

/** The scopes, by the vendor's claim or by that of RFC 9068. */
const scopesOf = ({ scope, scopes }: Report["claims"]): ReadonlyArray<string> => {
  const claim = scopes ?? scope
  if (Predicate.isString(claim)) return claim.split(" ")
  return Array.isArray(claim) ? claim.filter(Predicate.isString) : []
}

const expiry = ({ claims, now }: Report): string =>
  Option.match(dateTime(claims["exp"]), {
    onNone: () => "not stated",
    onSome: (end) => {
      const left = end.epochMillis - now
      const difference = Duration.format(Duration.seconds(Math.floor(Math.abs(left) / 1000)))
      return `${DateTime.formatIso(end)} (${left > 0 ? `${difference} left` : `expired ${difference} ago`})`
    }
  })

const times = new Set(["exp", "iat", "nbf"])

const row = (name: string, value: string) => `${printable(name).padEnd(12)}  ${value}`

const conclusion = ({ claims, verification }: Report): string => {
  switch (verification._tag) {
    case "NotAsked":
      return "The claims are decoded, not verified. Anyone can make such a token. --jwks verifies it."
    case "Verified":
      return claims["exp"] === undefined
        ? "The token's signature fits the key. It states no expiry, so nothing in it says until when it is valid."
        : "The token is verified: its signature fits the key, and it is valid now."
    case "Invalid":
      return `The token is not verified: ${verification.problem}.`
  }
}

const table = (report: Report): string =>
  [
    "HEADER",
    ...Object.entries(report.header).map(([name, value]) => row(name, printable(value))),
    "",
    "CLAIMS",
    row("expires", expiry(report)),
    row("scopes", scopesOf(report.claims).map(printable).join(", ") || "not stated"),
    ...Object.entries(report.claims).filter(([name]) => name !== "exp" && name !== "scopes").map(([name, value]) =>
      row(
        name,
        Option.match(times.has(name) ? dateTime(value) : Option.none(), {
          onNone: () => printable(value),
          onSome: DateTime.formatIso
        })
      )
    ),
    "",
    conclusion(report)
  ].join("\n")

const json = (report: Report): string =>
  JSON.stringify({
    verified: report.verification._tag === "Verified",
    ...(report.verification._tag === "Invalid" && { problem: report.verification.problem }),
    scopes: scopesOf(report.claims),
    ...Option.match(dateTime(report.claims["exp"]), {
      onNone: () => ({}),
      onSome: (end) => ({
        expires_at: DateTime.formatIso(end),
        expires_in: Math.max(0, Math.floor((end.epochMillis - report.now) / 1000)),
        expired: end.epochMillis <= report.now
      })
    }),
    header: report.header,
    claims: report.claims
  }).replace(/[\x7f-\uffff]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`)

export const formats = { table, json }
