/*
 * The errors of platform's `HttpClient`. A client may have made an error of a status, and the response is still of
 * interest.
 */
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"

/** The response inside an error that a client made of a status. */
export const responseOf = (error: unknown): HttpClientResponse.HttpClientResponse | undefined =>
  HttpClientError.isHttpClientError(error) && error._tag === "ResponseError" && error.reason === "StatusCode"
    ? error.response
    : undefined
