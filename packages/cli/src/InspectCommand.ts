/*
 * `tilia inspect`: shows the header and the claims of a token, and verifies it. It never prints the token.
 */
import { type AccessToken, ClaimsError } from "@effect-tilia/core/AccessToken"
import { InvalidInputError } from "@effect-tilia/core/TokenError"
import { TokenText } from "@effect-tilia/core/TokenResponse"
import * as NodeStream from "@effect/platform-node/NodeStream"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as jose from "jose"
import type { Run } from "./Arguments.js"
import * as Failure from "./Failure.js"
import * as Flags from "./Flags.js"
import * as Jwks from "./Jwks.js"
import * as Report from "./Report.js"

const notAToken = () =>
  new InvalidInputError({
    setting: "standard input",
    expected: "an access token, alone, in an Authorization header, or in the JSON of `tilia token --format json`"
  })

const decodeJson = Schema.decodeOption(Schema.parseJson(Schema.Struct({ access_token: TokenText })))
const decodeBare = Schema.decodeOption(TokenText)

/** The token in the output of `tilia token`, in any of its formats. */
export const tokenIn = (text: string): Either.Either<Pick<AccessToken, "value">, InvalidInputError> =>
  Option.map(decodeJson(text), ({ access_token }) => access_token).pipe(
    Option.orElse(() => decodeBare(text.trim().replace(/^(authorization: *)?bearer +/i, ""))),
    Option.match({ onNone: () => Either.left(notAToken()), onSome: (value) => Either.right({ value }) })
  )

const standardInput = NodeStream.toString(() => process.stdin, {
  onFailure: notAToken,
  maxBytes: 256 * 1024
})

/** The errors of jose are dropped, because they may quote the token. */
export const decode = (token: string): Either.Either<Pick<Report.Report, "claims" | "header">, ClaimsError> =>
  Either.try({
    try: () => ({ header: { ...jose.decodeProtectedHeader(token) }, claims: { ...jose.decodeJwt(token) } }),
    catch: () => new ClaimsError({ message: "The token has no claims to show: it isn't a JWT." })
  })

const verify = (token: string, source: string, now: number, format: Failure.Failure["format"]) =>
  Effect.map(
    Effect.flatMap(Jwks.load(source, format), (keys) => Jwks.problem(token, keys, now)),
    (problem): Report.Verification => problem === undefined ? { _tag: "Verified" } : { _tag: "Invalid", problem }
  )

const inspect = Effect.fnUntraced(function*(args: Run, format: keyof typeof Report.formats) {
  if (process.stdin.isTTY) yield* Console.error("Paste a token, then press Enter and Ctrl-D.")
  const token = Redacted.value((yield* tokenIn(yield* standardInput)).value)
  const decoded = yield* decode(token)
  const now = yield* Clock.currentTimeMillis
  const verification = yield* Option.match(Flags.text(args, "jwks"), {
    onNone: () => Effect.succeed<Report.Verification>({ _tag: "NotAsked" }),
    onSome: (source) => verify(token, source, now, format === "json" ? "json" : "text")
  })
  yield* Console.log(Report.formats[format]({ ...decoded, verification, now }))
  return verification._tag === "Invalid" ? 3 : 0
})

export const run = (args: Run): Effect.Effect<number, Failure.Failure> =>
  Effect.flatMap(
    Flags.choice(args, "format", Report.formats),
    (format) => inspect(args, format).pipe(Failure.orFail(format === "json" ? "json" : "text"))
  )
