import { linesShowing } from "@effect-tilia/testing"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { describe, expect, it } from "@effect/vitest"
import { fromHttpClientError } from "../../../src/internal/tokenEndpoint/transportError.js"
import { clientSecret } from "../../fixtures/vendorSample.js"
import { within } from "../../support/within.js"

const context = { tokenUrl: "https://auth.example/token", attempts: 2 }
const request = HttpClientRequest.post(context.tokenUrl, { headers: { authorization: clientSecret } })

const coded = (code: unknown, inner: object = {}) => Object.assign(new Error(`of ${clientSecret}`), { code }, inner)

/** The class, or its reason, that a client's failure becomes. */
const kindOf = (cause: unknown): string => {
  const error = fromHttpClientError(
    new HttpClientError.RequestError({ request, reason: "Transport", cause }),
    context
  )
  expect(error).toMatchObject(context)
  return error._tag === "TokenTransportError" ? error.reason : error._tag
}

describe("Transport failures by their code", () => {
  it.each([
    ["ENOTFOUND", "Dns"],
    ["EAI_AGAIN", "Dns"],
    ["EAI_FAIL", "Dns"],
    ["ENODATA", "Dns"],
    ["ECONNREFUSED", "Refused"],
    ["ECONNRESET", "Reset"],
    ["ECONNABORTED", "Reset"],
    ["EPIPE", "Reset"],
    ["UND_ERR_SOCKET", "Reset"],
    ["UND_ERR_RES_CONTENT_LENGTH_MISMATCH", "Reset"],
    ["ERR_STREAM_PREMATURE_CLOSE", "Reset"],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "Tls"],
    ["SELF_SIGNED_CERT_IN_CHAIN", "Tls"],
    ["CERT_HAS_EXPIRED", "Tls"],
    ["CERT_NOT_YET_VALID", "Tls"],
    ["CERT_REVOKED", "Tls"],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "Tls"],
    ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "Tls"],
    ["UNABLE_TO_GET_CRL", "Tls"],
    ["CRL_HAS_EXPIRED", "Tls"],
    ["HOSTNAME_MISMATCH", "Tls"],
    ["INVALID_CA", "Tls"],
    ["INVALID_PURPOSE", "Tls"],
    ["PATH_LENGTH_EXCEEDED", "Tls"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "Tls"],
    ["ERR_TLS_HANDSHAKE_TIMEOUT", "Tls"],
    ["ERR_OSSL_EVP_UNSUPPORTED", "Tls"],
    ["ERR_SSL_WRONG_VERSION_NUMBER", "Tls"],
    ["ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", "Tls"],
    ["EPROTO", "Tls"],
    ["ERR_BLOCKED_BY_CSP", "Blocked"],
    ["ETIMEDOUT", "TokenTimeoutError"],
    ["UND_ERR_CONNECT_TIMEOUT", "TokenTimeoutError"],
    ["UND_ERR_HEADERS_TIMEOUT", "TokenTimeoutError"],
    ["UND_ERR_BODY_TIMEOUT", "TokenTimeoutError"],
    ["EHOSTUNREACH", "Other"],
    ["ENETUNREACH", "Other"],
    ["UND_ERR_HEADERS_OVERFLOW", "Other"],
    ["HPE_INVALID_CONSTANT", "Other"],
    ["", "Other"],
    ["constructor", "Other"],
    [7, "Other"]
  ])("a transport failure with the code \"%s\" is %s", (code, kind) => {
    expect(kindOf(coded(code))).toBe(kind)
  })
})

describe("Transport failures with an unknown code", () => {
  it.each(
    ["ENOTFOUND", "ECONNREFUSED", "ETIMEDOUT", "UND_ERR_BODY_TIMEOUT", "EPIPE", "EPROTO", "INVALID_CA"]
  )("the code %s is unknown with text before or after it", (code) => {
    expect(kindOf(coded(`NO_${code}`))).toBe("Other")
    expect(kindOf(coded(`${code}_NOT`))).toBe("Other")
  })

  it.each(["EAI_", "ERR_TLS_", "ERR_SSL_", "UNABLE_TO_", "CRL_", "INVALID_", "UND_ERR__TIMEOUT"])(
    "the code %s is unknown by itself",
    (code) => {
      expect(kindOf(coded(code))).toBe("Other")
    }
  )
})

describe("Transport failures with a nested code", () => {
  const many = (count: number): ReadonlyArray<Error> => Array.from({ length: count }, () => new Error())
  const deep = (count: number) => many(count).reduce((cause) => new Error("", { cause }), coded("EPIPE"))

  const ring = new Error("ring")
  ring.cause = new Error("ring", { cause: ring })

  const codedRing = coded("EWHATEVER")
  codedRing.cause = coded("ECONNRESET", { cause: codedRing })

  it.each<[string, unknown, string]>([
    ["in the cause, as fetch has it", new TypeError("fetch failed", { cause: coded("ECONNREFUSED") }), "Refused"],
    ["five causes deep", deep(4), "Reset"],
    ["64 causes deep", deep(64), "Reset"],
    ["nowhere if it is 65 causes deep", deep(65), "Other"],
    ["in the eighth of an AggregateError", new AggregateError([...many(7), coded("EPIPE")]), "Reset"],
    ["nowhere if it is in the ninth of an AggregateError", new AggregateError([...many(8), coded("EPIPE")]), "Other"],
    ["in a plain record", { cause: { code: "ENOTFOUND" } }, "Dns"],
    ["in the outermost error first", coded("ENOTFOUND", { cause: coded("ECONNRESET") }), "Dns"],
    ["below an unknown code", coded("ERR_INVALID_ARG", { cause: coded("CERT_HAS_EXPIRED") }), "Tls"],
    [
      "in an AggregateError, as Node has it for two addresses",
      new AggregateError([
        coded("ECONNREFUSED"),
        coded("ECONNREFUSED")
      ]),
      "Refused"
    ],
    [
      "in the second of an AggregateError",
      new AggregateError([coded("ENETUNREACH"), coded("ECONNREFUSED")]),
      "Refused"
    ],
    ["in an AggregateError's cause", new Error("", { cause: new AggregateError([coded("EPIPE")]) }), "Reset"],
    ["in a ring of causes", codedRing, "Reset"],
    ["nowhere in a ring of causes without a code", ring, "Other"],
    ["nowhere in an empty AggregateError", new AggregateError([]), "Other"],
    ["nowhere in values that are no errors", new AggregateError([null, undefined, 7, "ECONNRESET"]), "Other"],
    ["nowhere in a text", "ECONNRESET", "Other"],
    ["nowhere in null", null, "Other"],
    ["nowhere in undefined", undefined, "Other"]
  ])("the code of a transport failure is found %s", (_, cause, kind) => {
    expect(within(1000, () => kindOf(cause))).toBe(kind)
  })

  it("the code of a body that broke off is found in platform's Decode error (row 8)", () => {
    const response = HttpClientResponse.fromWeb(request, new Response("{"))
    const error = (cause: unknown) => new HttpClientError.ResponseError({ request, response, reason: "Decode", cause })
    expect(fromHttpClientError(error(coded("ECONNRESET")), context)).toMatchObject({ reason: "Reset" })
    expect(fromHttpClientError(error(new SyntaxError("bad JSON")), context)).toMatchObject({ reason: "Other" })
  })

  it.each([2, 8, 1000])("the search in an AggregateError that holds itself %i times ends within a second", (times) => {
    const error = new AggregateError([])
    error.errors = Array.from({ length: times }, () => error)
    expect(within(1000, () => kindOf(error))).toBe("Other")
  })

  it("a TokenTransportError holds no request, no cause and no secret (E8)", () => {
    const cause = coded("ECONNRESET", { cause: coded("X") })
    const error = fromHttpClientError(
      new HttpClientError.RequestError({ request, reason: "Transport", cause }),
      context
    )
    expect(error.cause).toBeUndefined()
    expect(linesShowing(clientSecret, error)).toStrictEqual([])
  })
})

describe("A URL that the client cannot use", () => {
  it.each([
    ["/tilia/token", "mediatorUrl must be a whole URL, since a path has no origin here"],
    [
      context.tokenUrl,
      "the HTTP client must be one that sends to a whole URL, as BrowserTokenHttpClient does where a page has no origin"
    ]
  ])("the error for %s says what to change (B3)", (tokenUrl, message) => {
    const error = new HttpClientError.RequestError({ request, reason: "InvalidUrl" })
    expect(fromHttpClientError(error, { tokenUrl, attempts: 1 }).message).toContain(message)
  })
})
