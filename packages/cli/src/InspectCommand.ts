/*
 * `tilia inspect`: shows the claims of a token. It never prints the token.
 */
import * as AccessToken from "@effect-tilia/core/AccessToken"
import * as Printable from "@effect-tilia/core/Printable"
import { InvalidInputError } from "@effect-tilia/core/TokenError"
import { TokenText } from "@effect-tilia/core/TokenResponse"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as NodeStream from "@effect/platform-node/NodeStream"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Failure from "./Failure.js"
import * as Help from "./Help.js"

const notAToken = () =>
  new InvalidInputError({
    setting: "standard input",
    expected: "an access token, alone, in an Authorization header, or in the JSON of `tilia token --format json`"
  })

const decodeJson = Schema.decodeOption(Schema.parseJson(Schema.Struct({ access_token: TokenText })))
const decodeBare = Schema.decodeOption(TokenText)

/** The token in the output of `tilia token`, in any of its formats. */
export const tokenIn = (text: string): Either.Either<Pick<AccessToken.AccessToken, "value">, InvalidInputError> =>
  Option.map(decodeJson(text), ({ access_token }) => access_token).pipe(
    Option.orElse(() => decodeBare(text.trim().replace(/^(authorization: *)?bearer +/i, ""))),
    Option.match({ onNone: () => Either.left(notAToken()), onSome: (value) => Either.right({ value }) })
  )

const standardInput = NodeStream.toString(() => process.stdin, {
  onFailure: notAToken,
  maxBytes: 256 * 1024
})

/** A claim is text from outside, so its control characters must not reach the terminal. */
const printable = (value: unknown): string => Printable.make(typeof value === "string" ? value : JSON.stringify(value))

/** What the command knows of a token. `now` is in milliseconds since 1970. */
interface Report {
  readonly claims: AccessToken.Claims
  readonly scopes: ReadonlyArray<string>
  readonly expiresAt: Option.Option<DateTime.Utc>
  readonly now: number
}

/** The time of a claim, which is in seconds since 1970. `None` if it is missing, or is too large for a calendar. */
const dateTime = (seconds: number | undefined) =>
  Option.flatMap(Option.fromNullable(seconds), (seconds) => DateTime.make(seconds * 1000))

export const report = (claims: AccessToken.Claims, now: number): Report => ({
  claims,
  scopes: claims.scopes ?? [],
  expiresAt: dateTime(claims.exp),
  now
})

const expiry = ({ expiresAt, now }: Report): string =>
  Option.match(expiresAt, {
    onNone: () => "not stated",
    onSome: (end) => {
      const left = end.epochMillis - now
      const difference = Duration.format(Duration.seconds(Math.floor(Math.abs(left) / 1000)))
      return `${DateTime.formatIso(end)} (${left > 0 ? `${difference} left` : `expired ${difference} ago`})`
    }
  })

const times = new Set(["exp", "iat", "nbf"])

const row = (name: string, value: string) => `${name.padEnd(12)}  ${value}`

const table = (report: Report): string => {
  const others = Object.entries(report.claims).filter(([name]) => name !== "exp" && name !== "scopes")
  return [
    row("expires", expiry(report)),
    row("scopes", report.scopes.map(printable).join(", ") || "not stated"),
    ...others.map(([name, value]) =>
      row(
        name,
        times.has(name)
          ? Option.match(dateTime(Number(value)), { onNone: () => printable(value), onSome: DateTime.formatIso })
          : printable(value)
      )
    ),
    "",
    "The claims are decoded, not verified. Anyone can make such a token."
  ].join("\n")
}

const json = ({ claims, expiresAt, now, scopes }: Report): string =>
  JSON.stringify({
    verified: false,
    scopes,
    ...Option.match(expiresAt, {
      onNone: () => ({}),
      onSome: (end) => ({
        expires_at: DateTime.formatIso(end),
        expires_in: Math.max(0, Math.floor((end.epochMillis - now) / 1000)),
        expired: end.epochMillis <= now
      })
    }),
    claims
  }).replace(/[\x7f-\uffff]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`)

export const formats = { table, json }

export const command = Command.make("inspect", {
  format: Options.choice("format", ["table", "json"]).pipe(
    Options.withDefault("table"),
    Options.withDescription("table, the default, is for reading. json is for scripts.")
  )
}, ({ format }) =>
  Effect.gen(function*() {
    if (process.stdin.isTTY) yield* Console.error("Paste a token, then press Enter and Ctrl-D.")
    const claims = yield* AccessToken.claims(yield* tokenIn(yield* standardInput))
    yield* Console.log(formats[format](report(claims, yield* Clock.currentTimeMillis)))
  }).pipe(Effect.mapError((error) => Failure.fromError(error, format === "json" ? "json" : "text")))).pipe(
    Command.withDescription(Help.page({
      summary: "Shows the claims, the scopes and the remaining lifetime of a token. It never prints the token.",
      examples: [
        ["tilia token | tilia inspect", "inspects the token that the configuration gets"],
        ["tilia inspect --format json < token.txt", "prints JSON for a script"]
      ],
      notes: ["The token comes from standard input, because an argument is visible in the list of processes."]
    }))
  )
