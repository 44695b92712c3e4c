/*
 * Which faults a server can send (X6). A program in JavaScript may give anything, and what is no fault would silently
 * do nothing.
 */
import { InvalidInputError } from "@effect-tilia/core/TokenError"
import * as Duration from "effect/Duration"
import * as Predicate from "effect/Predicate"
import * as Record from "effect/Record"

export const invalid = (setting: string, expected: string): never => {
  throw new InvalidInputError({ setting, expected })
}

/** Statuses of responses that have no body (RFC 9110 §15). */
const withoutBody = [204, 205, 304]

/** What RFC 9110 §5 lets the name and the value of a header contain. */
const headerName = /^[!#$%&'*+.^_`|~\da-z-]+$/
const headerValue = /^[\t\u0020-\u007e\u0080-\u00ff]*$/

/** Headers that say how the connection is used. The server sends them itself. */
const ofConnection = ["connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"]

const sizeOf = (body: string | Uint8Array): number =>
  typeof body === "string" ? new TextEncoder().encode(body).length : body.length

/** A response that a server can send. */
export const response = (
  status: number,
  headers: Record.ReadonlyRecord<string, string>,
  body: string | Uint8Array
) => {
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    return invalid("status", "a whole number from 200 to 599")
  }
  if (typeof body !== "string" && !Predicate.isUint8Array(body)) return invalid("body", "a text or bytes")
  if (withoutBody.includes(status) && body.length > 0) return invalid("body", `no body in a response with ${status}`)
  const named = Record.mapKeys(headers, (name) => name.toLowerCase())
  for (const [name, value] of Object.entries(named)) {
    if (!headerName.test(name)) return invalid("headers", "names that HTTP allows")
    if (typeof value !== "string" || !headerValue.test(value)) {
      return invalid("headers", `a value of ${name} that HTTP allows`)
    }
    if (ofConnection.includes(name)) return invalid("headers", `headers without ${name}, which the server sets itself`)
    // A response with 304 has the length of the body that it leaves out.
    if (name === "content-length" && status !== 304 && value !== String(sizeOf(body))) {
      return invalid("headers", "a content-length that is that of the body")
    }
  }
  return { status, headers: named, body }
}

const isOutcome = (outcome: unknown): boolean => {
  if (outcome === undefined || outcome === "hang" || outcome === "reset" || outcome === "truncate") return true
  if (!Predicate.isRecord(outcome)) return false
  const { body, headers, status } = outcome
  return typeof status === "number" && Predicate.isRecord(headers) && body !== undefined
}

const isFault = (fault: unknown): boolean => {
  if (!Predicate.isRecord(fault)) return false
  const { clockSkew, delay, outcome, revoked, ...others } = fault
  return isOutcome(outcome) && Object.keys(others).length === 0 &&
    (delay === undefined || Duration.isDuration(delay)) &&
    (clockSkew === undefined || Predicate.isRecord(clockSkew)) &&
    (revoked === undefined || typeof revoked === "boolean")
}

/** The fault, if it is one. */
export const check = <A>(setting: string, fault: A): A =>
  isFault(fault) ? fault : invalid(setting, "a fault, as Faults.reset")
