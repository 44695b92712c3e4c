/*
 * The vendor's error envelope. The sandbox writes its texts itself, and never repeats what was submitted (X1).
 */
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Data from "effect/Data"

/** A request that the sandbox refuses, and the response that says so. */
export class Refused extends Data.TaggedError("Refused")<{
  readonly status: number
  readonly code: string
  readonly message: string
  /** What is wrong with each field of the form. */
  readonly errors?: Readonly<Record<string, ReadonlyArray<string>>>
  readonly headers?: Readonly<Record<string, string>>
}> {}

export const toResponse = ({ code, errors = {}, headers = {}, message, status }: Refused) =>
  HttpServerResponse.unsafeJson(
    { status: "Failure", message: [message], codes: [code], payload: { errors } },
    { status, headers }
  )
