/*
 * The response half: from an answer to what was granted, or to the error that says why not. Pure; tested by tables.
 */
import * as Either from "effect/Either"
import type { ParseError, ParseIssue } from "effect/ParseResult"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { type TokenError, TokenTransportError } from "../../TokenError.js"
import { TokenResponse } from "../../TokenResponse.js"
import type { Answer } from "./rawResponse.js"
import * as ErrorBody from "./errorBody.js"
import { originOf, type Question, refusal, unexpected } from "./errorResponse.js"

const decode = Schema.decodeUnknownEither(TokenResponse)

/** The field that a schema refused: its name only, for its value may be the token. */
const fieldOf = (issue: ParseIssue): string | undefined => {
  switch (issue._tag) {
    case "Pointer":
      return `its field ${String(issue.path)} is missing or malformed`
    case "Composite":
      return fieldOf(Predicate.hasProperty(issue.issues, "_tag") ? issue.issues : issue.issues[0])
    default:
      return undefined
  }
}

const problemOf = (error: ParseError): string => fieldOf(error.issue) ?? "its body isn't a JSON object"

/** Bytes as text: a BOM is dropped, and anything but UTF-8 is no text (E4). */
const utf8 = (bytes: Uint8Array): Either.Either<string, string> =>
  Either.try({
    try: () => new TextDecoder("utf-8", { fatal: true }).decode(bytes),
    catch: () => "its body isn't UTF-8"
  })

/** A body that should be JSON, or what is wrong with it (E4, E5). */
export const jsonIn = ({ body, complete }: Answer): Either.Either<unknown, string> =>
  complete
    ? Either.flatMap(utf8(body), (text) => Either.mapLeft(ErrorBody.json(text), () => "its body isn't JSON"))
    : Either.left("its body is larger than 256 KiB")

/** The token in a body, or what is wrong with it. */
export const tokenIn = (body: unknown): Either.Either<TokenResponse, string> => Either.mapLeft(decode(body), problemOf)

/** A 200: a token, or the error that it carries, or no token at all (E4). */
const granted = (answer: Answer, question: Question): Either.Either<TokenResponse, TokenError> => {
  const noToken = (problem: string) => unexpected(answer, question, problem)
  return Either.flatMap(
    Either.mapLeft(jsonIn(answer), noToken),
    (body) =>
      Predicate.hasProperty(body, "error") && Predicate.isNotNullable(body.error)
        ? Either.left(refusal(answer, question, ErrorBody.fromJson(body)))
        : Either.mapLeft(tokenIn(body), noToken)
  )
}

/** Only a refusal's body is quoted: that of any other status may hold a token. */
const refused = (answer: Answer, question: Question): TokenError =>
  refusal(answer, question, answer.status >= 400 ? ErrorBody.fromText(new TextDecoder().decode(answer.body)) : {})

/** An answer that no server gave as it is: a client's own doing, or a browser's. */
const notTheServers = (answer: Answer, question: Question): TokenError | undefined => {
  // E3: a client that follows redirects by itself can't be stopped, but it can be found out.
  if (answer.url !== question.tokenUrl) {
    return unexpected(answer, question, `the HTTP client went on to ${originOf(answer.url, question)}`)
  }
  if (answer.hiddenRedirect) return unexpected(answer, question, "it redirects, and no redirect is followed")
  // XMLHttpRequest says so of a connection that was refused, of a name that isn't known, of a CORS refusal.
  return answer.status === 0
    ? new TokenTransportError({ reason: "Other", tokenUrl: question.tokenUrl, attempts: question.attempts })
    : undefined
}

/** What the server granted, or why it didn't. */
export const interpret = (answer: Answer, question: Question): Either.Either<TokenResponse, TokenError> => {
  const failure = notTheServers(answer, question)
  if (failure !== undefined) return Either.left(failure)
  return answer.status === 200 ? granted(answer, question) : Either.left(refused(answer, question))
}
