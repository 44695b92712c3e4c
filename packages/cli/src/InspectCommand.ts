/*
 * `tilia inspect`: what a token says of itself. The token is never printed.
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

const refused = () =>
  new InvalidInputError({
    setting: "standard input",
    expected: "an access token: alone, as an Authorization header, or as the JSON of `tilia token --format json`"
  })

const answer = Schema.decodeOption(Schema.parseJson(Schema.Struct({ access_token: TokenText })))
const alone = Schema.decodeOption(TokenText)

/** The token in what `tilia token` prints, in whatever format. */
export const tokenIn = (text: string): Either.Either<Pick<AccessToken.AccessToken, "value">, InvalidInputError> =>
  Option.map(answer(text), (answer) => answer.access_token).pipe(
    Option.orElse(() => alone(text.trim().replace(/^(authorization: *)?bearer +/i, ""))),
    Option.match({ onNone: () => Either.left(refused()), onSome: (value) => Either.right({ value }) })
  )

const limit = 256 * 1024

const standardInput = NodeStream.toString(() => process.stdin, {
  onFailure: refused,
  maxBytes: limit
})

/** A claim is a stranger's text: it must not steer the terminal. */
const printable = (value: unknown): string => Printable.make(typeof value === "string" ? value : JSON.stringify(value))

interface Report {
  readonly claims: AccessToken.Claims
  readonly scopes: ReadonlyArray<string>
  readonly expiresAt: Option.Option<DateTime.Utc>
  readonly now: number
}

/** Seconds since 1970, as claims have them; `None` where no calendar holds them. */
const moment = (seconds: number | undefined) =>
  Option.flatMap(Option.fromNullable(seconds), (seconds) => DateTime.make(seconds * 1000))

export const report = (claims: AccessToken.Claims, now: number): Report => ({
  claims,
  scopes: claims.scopes ?? [],
  expiresAt: moment(claims.exp),
  now
})

const life = ({ expiresAt, now }: Report): string =>
  Option.match(expiresAt, {
    onNone: () => "not said",
    onSome: (end) => {
      const left = end.epochMillis - now
      const time = Duration.format(Duration.seconds(Math.floor(Math.abs(left) / 1000)))
      return `${DateTime.formatIso(end)} (${left > 0 ? `${time} left` : `expired ${time} ago`})`
    }
  })

const times = new Set(["exp", "iat", "nbf"])

const row = (name: string, value: string) => `${name.padEnd(12)}  ${value}`

const table = (report: Report): string => {
  const others = Object.entries(report.claims).filter(([name]) => name !== "exp" && name !== "scopes")
  return [
    row("expires", life(report)),
    row("scopes", report.scopes.map(printable).join(", ") || "not said"),
    ...others.map(([name, value]) =>
      row(
        name,
        times.has(name)
          ? Option.match(moment(Number(value)), { onNone: () => printable(value), onSome: DateTime.formatIso })
          : printable(value)
      )
    ),
    "",
    "Decoded, not verified: anyone can write such a token."
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
    Options.withDescription("table: to be read. json: to be processed.")
  )
}, ({ format }) =>
  Effect.gen(function*() {
    if (process.stdin.isTTY) yield* Console.error("Paste a token, then press Enter and Ctrl-D.")
    const claims = yield* AccessToken.claims(yield* tokenIn(yield* standardInput))
    yield* Console.log(formats[format](report(claims, yield* Clock.currentTimeMillis)))
  }).pipe(Effect.mapError((error) => Failure.fromError(error, format === "json" ? "json" : "text")))).pipe(
    Command.withDescription(Help.page({
      summary: "Shows a token's claims, its scopes and the life that is left, never the token.",
      examples: [
        ["tilia token | tilia inspect", "the token that this configuration gets"],
        ["tilia inspect --format json < token.txt", "for a script"]
      ],
      notes: ["Reads the token from standard input, since an argument would show in the list of processes."]
    }))
  )
