/*
 * The vendor's error envelope. Its texts are ours: nothing that was submitted is ever repeated (X1).
 */
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Data from "effect/Data"

/** A request that the sandbox refuses. */
export class Refused extends Data.TaggedError("Refused")<{
  readonly status: number
  readonly code: string
  readonly message: string
  readonly errors?: Readonly<Record<string, ReadonlyArray<string>>>
  readonly headers?: Readonly<Record<string, string>>
}> {}

export const toResponse = ({ code, errors = {}, headers = {}, message, status }: Refused) =>
  HttpServerResponse.unsafeJson(
    { status: "Failure", message: [message], codes: [code], payload: { errors } },
    { status, headers }
  )
