/*
 * The classification of failures (§5): from a status and what the body says to one error class. Pure; tested by tables.
 */
import * as Headers from "@effect/platform/Headers"
import type * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import type { ClientSecret } from "../../ClientCredentials.js"
import {
  InvalidClientError,
  InvalidRequestError,
  InvalidScopeError,
  RateLimitedError,
  ServiceUnavailableError,
  type TokenError,
  UnexpectedResponseError
} from "../../TokenError.js"
import type { Answer } from "./rawResponse.js"
import type { ErrorBody } from "./errorBody.js"
import { retryAfter } from "../retryAfter.js"
import { presentable } from "./sanitize.js"

/** What the answer is an answer to. `receivedAt` is in milliseconds since 1970. */
export interface Question {
  readonly tokenUrl: string
  readonly clientSecret: ClientSecret
  readonly attempts: number
  readonly receivedAt: number
}

type Kind =
  | "InvalidRequest"
  | "InvalidClient"
  | "InvalidScope"
  | "RateLimited"
  | "ServiceUnavailable"
  | "UnexpectedResponse"

const byStatus = new Map<number, Kind>([
  [400, "InvalidRequest"],
  [401, "InvalidClient"],
  [403, "InvalidClient"],
  [408, "ServiceUnavailable"],
  [425, "ServiceUnavailable"],
  [429, "RateLimited"],
  [501, "UnexpectedResponse"],
  [505, "UnexpectedResponse"]
])

const byCode = new Map<string, Kind>([
  ["invalid_client", "InvalidClient"],
  ["unauthorized_client", "InvalidClient"],
  ["invalid_scope", "InvalidScope"]
])

/** For a 200 that carries an error the code alone decides, so the codes of a plain 400 count too. */
const byCodeAlone = new Map<string, Kind>([
  ...byCode,
  ["invalid_request", "InvalidRequest"],
  ["invalid_grant", "InvalidRequest"],
  ["unsupported_grant_type", "InvalidRequest"]
])

/** The statuses of which a code says more; any other decides by itself (E4). */
const codesOfStatus = new Map<number, ReadonlyMap<string, Kind>>([
  [200, byCodeAlone],
  [400, byCode],
  [401, byCode],
  [403, byCode]
])

/** Which class of error a status and a code stand for. */
export const classify = (status: number, code?: string): Kind =>
  codesOfStatus.get(status)?.get(code?.toLowerCase() ?? "") ??
    byStatus.get(status) ??
    (status >= 500 && status < 600 ? "ServiceUnavailable" : "UnexpectedResponse")

/** The origin of a URL alone: its path and query are nobody's business, and even the host may repeat the secret. */
export const originOf = (url: string, question: Question): string =>
  URL.canParse(url, question.tokenUrl)
    ? presentable(new URL(url, question.tokenUrl).origin, question.clientSecret)
    : "elsewhere"

const problemOf = ({ headers, status }: Answer, question: Question): string =>
  status >= 300 && status < 400
    ? Option.match(Headers.get(headers, "location"), {
      onNone: () => "it redirects, and no redirect is followed",
      onSome: (location) => `it redirects to ${originOf(location, question)}, and no redirect is followed`
    })
    : status === 200
    ? "it carries an error that no one knows"
    : "a token endpoint doesn't answer with this status"

/** An answer that is neither a token nor a refusal. */
export const unexpected = (
  { status }: Answer,
  { attempts, tokenUrl }: Question,
  problem: string
): UnexpectedResponseError => new UnexpectedResponseError({ status, attempts, tokenUrl, problem })

/** What was said, with the wait that was asked for, if one was. */
export const paced = <A extends object>(said: A, wait: Duration.Duration | undefined) =>
  wait === undefined ? said : { ...said, retryAfter: wait }

/** The error of an answer that isn't a token, with the server's words made fit to be kept (E8). */
export const refusal = (answer: Answer, question: Question, body: ErrorBody): TokenError => {
  const keep = (text: string | undefined) => text === undefined ? "" : presentable(text, question.clientSecret)
  const code = keep(body.code)
  const serverMessage = keep(body.message)
  const { attempts, receivedAt, tokenUrl } = question
  const { headers, status } = answer
  const said = { status, attempts, ...(code && { code }), ...(serverMessage && { serverMessage }) }
  const wait = retryAfter(Option.getOrElse(Headers.get(headers, "retry-after"), () => ""), receivedAt)
  switch (classify(status, body.code)) {
    case "InvalidRequest":
      return new InvalidRequestError(said)
    case "InvalidClient":
      return new InvalidClientError(said)
    case "InvalidScope":
      return new InvalidScopeError(said)
    case "RateLimited":
      return new RateLimitedError(paced(said, wait))
    case "ServiceUnavailable":
      return new ServiceUnavailableError(paced(said, wait))
    case "UnexpectedResponse":
      return new UnexpectedResponseError({ ...said, tokenUrl, problem: problemOf(answer, question) })
  }
}
