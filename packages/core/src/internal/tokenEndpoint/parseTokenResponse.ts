/*
 * The response half: from a response to the token that it grants, or to the error that says why there is none. Pure.
 */
import * as DateTime from "effect/DateTime"
import * as Either from "effect/Either"
import type { ParseError, ParseIssue } from "effect/ParseResult"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { AccessToken } from "../../AccessToken.js"
import { type TokenError, TokenTimeoutError, TokenTransportError } from "../../TokenError.js"
import { TokenResponse } from "../../TokenResponse.js"
import { fromResponse } from "../accessToken.js"
import * as ErrorBody from "./errorBody.js"
import * as ErrorResponse from "./errorResponse.js"
import * as Json from "./json.js"
import type { RawResponse } from "./rawResponse.js"
import type { Target } from "./roundTrip.js"
import { showsSecret } from "./sanitize.js"
import { holdsSecret } from "./secretSearch.js"

const decodeTokenResponse = Schema.decodeUnknownEither(TokenResponse)

/** The field that a schema refused. Only its name is told, because its value may be the token. */
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

/** The granted token in the body of a 200, or what is wrong with it. */
export const grantIn = (json: unknown): Either.Either<TokenResponse, string> =>
  Either.mapLeft(decodeTokenResponse(json), problemOf)

/** An error in the body of a 200. */
const errorIn = (json: unknown): ErrorBody.ErrorBody | undefined =>
  Predicate.hasProperty(json, "error") && Predicate.isNotNullable(json.error) ? ErrorBody.fromJson(json) : undefined

const unexpected = ({ status }: RawResponse, context: Target, problem: string): TokenError =>
  ErrorResponse.errorOf("UnexpectedResponseError", { ...context, status, problem })

/** What is wrong with what a server grants. Scopes that were not requested are a stranger's text (E8). */
const problemOfGrant = ({ access_token, scope }: TokenResponse, context: ErrorResponse.Context) => {
  if (holdsSecret(Redacted.value(access_token), context.secrets)) return "its token repeats the client's secret"
  const others = scope?.filter((each) => !context.requested.includes(each)).join(",") ?? ""
  if (others === "") return undefined
  if (others.includes(Redacted.value(access_token))) return "its scope repeats the token"
  return showsSecret(others, context.secrets) ? "its scope repeats the client's secret" : undefined
}

/** A 200: a token, or an error, or neither (E4). */
const parseOk = (response: RawResponse, context: ErrorResponse.Context): Either.Either<TokenResponse, TokenError> => {
  const noToken = (problem: string) => unexpected(response, context, problem)
  return Either.flatMap(Either.mapLeft(Json.fromResponse(response), noToken), (json) => {
    const error = errorIn(json)
    if (error !== undefined) return Either.left(ErrorResponse.fromResponse(response, context, error))
    return Either.flatMap(Either.mapLeft(grantIn(json), noToken), (grant) => {
      const problem = problemOfGrant(grant, context)
      return problem === undefined ? Either.right(grant) : Either.left(noToken(problem))
    })
  })
}

/** Any other status. A body is quoted from 400 on: that of a lower status may hold a token (E8). */
const parseError = (response: RawResponse, context: ErrorResponse.Context): TokenError => {
  const { body, status } = response
  const error = status >= 400 ? ErrorBody.fromText(new TextDecoder().decode(body)) : {}
  return ErrorResponse.fromResponse(response, context, error)
}

/** The error of a response that no server has sent as it is: the HTTP client or the browser made it. */
const notFromServer = (response: RawResponse, context: ErrorResponse.Context): TokenError | undefined => {
  const { isHiddenRedirect, status, url } = response
  const { attempts, tokenUrl } = context
  // A client that follows redirects by itself cannot be stopped, but it can be detected (E3).
  if (url !== tokenUrl) {
    return unexpected(response, context, `the HTTP client went on to ${ErrorResponse.originOf(url, context)}`)
  }
  if (isHiddenRedirect) return unexpected(response, context, "it redirects, and no redirect is followed")
  // XMLHttpRequest says so of a refused connection, of an unknown name and of a CORS refusal.
  return status === 0 ? new TokenTransportError({ reason: "Other", tokenUrl, attempts }) : undefined
}

/** What the server granted, or why it did not. */
export const parseTokenResponse = (
  response: RawResponse,
  context: ErrorResponse.Context
): Either.Either<TokenResponse, TokenError> => {
  const failure = notFromServer(response, context)
  if (failure !== undefined) return Either.left(failure)
  return response.status === 200
    ? parseOk(response, context)
    : Either.left(parseError(response, context))
}

/** The access token that a response grants. A token whose lifetime was over when it arrived is a time-out (S5). */
export const toAccessToken = (
  grant: TokenResponse,
  { age, receivedAt }: RawResponse,
  { attempts, requested, tokenUrl }: Target
): Either.Either<AccessToken, TokenTimeoutError> =>
  age < grant.expires_in * 1000
    ? Either.right(fromResponse(grant, requested, DateTime.unsafeMake(receivedAt - age)))
    : Either.left(new TokenTimeoutError({ tokenUrl, attempts }))
