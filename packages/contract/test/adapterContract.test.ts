/*
 * The suite fails for clients that break the contract, and only in the tests that cover the fault.
 */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { planted } from "./support/planted.js"

const redirectsToSameOrigin = [301, 302, 303, 307, 308].map((status) =>
  `the client does not follow a redirect with status ${status} to the same origin (E3, row 20)`
)

const resent = ([[401, 31], [408, 35], [425, 35], [429, 36], [500, 37], [502, 37], [503, 37], [504, 37]] as const).map((
  [status, row]
) => `the client sends a request once, although the response has status ${status} (E7, row ${row})`)

const credentials = "a token request is one POST with the credentials only in its body, and no trace headers (E1)"

const redirects = [301, 302, 303, 307, 308].flatMap((status) => [
  `the client does not follow a redirect with status ${status} or connect to its target (E3, row 20)`,
  ...["https://127.0.0.2/token?x=1", "http://127.0.0.2/", "//127.0.0.2"].map((to) =>
    `a response with status ${status} and Location ${to} causes UnexpectedResponseError (row 20)`
  )
])

/**
 * What may pass or fail. For a client that swallows interruption, an attempt may end before it has opened a socket, and
 * the garbage collector may close the socket of a response that nobody reads. A client that buffers bodies may run out
 * of time for a large one on a busy machine. There, the client that swallows interruption has once failed for two
 * connections that were reset.
 */
const uncertain = [
  "the client closes the socket of a call that is interrupted in the middle of the body (E6)",
  "the client closes the socket of a call that is interrupted while the body arrives byte by byte (E6)",
  "an attempt whose time runs out in the middle of the body causes TokenTimeoutError and closes its socket (row 9)",
  "a token request that is interrupted in the middle of the body closes its socket and is not retried (row 10)",
  "an attempt that times out before its body is read leaves no socket open (row 9)",
  "the end of the scope closes the socket of a response that was never read (E6)",
  "a gzip bomb of 20 MB causes UnexpectedResponseError (row 27)",
  "a connection that the server resets between two chunks causes TokenTransportError (row 8)",
  "a connection that the server resets in the middle of a chunk causes TokenTransportError (row 8)"
]

const faults: ReadonlyArray<readonly [string, ReadonlyArray<string>]> = [
  ["follows redirects", [
    ...redirects,
    ...redirectsToSameOrigin,
    "a response with a Location that repeats the secret causes UnexpectedResponseError (row 38)"
  ]],
  ["follows redirects to the same origin", redirectsToSameOrigin],
  ["sends a request again after an error that says when", resent],
  ["sends a request again after an error that does not say when", resent],
  ["has a cookie jar", ["a token request sends no cookie that an earlier response has set (E1)"]],
  ["puts the secret into an Authorization header", [credentials]],
  ["puts the secret into a header in hex", [credentials]],
  ["buffers bodies", [
    "the client streams a body as it arrives, and closes the socket when the reader stops (E5)",
    "the end of the scope closes the socket of a response that was never read (E6)",
    ...["without an end", "whose announced length is huge", "in gzip without an end"].map((body) =>
      `a token request stops reading a body ${body}, and closes its connection (E5, row 27)`
    )
  ]],
  ["swallows interruption", [
    "the client closes the socket of a call that is interrupted before the headers (E6)",
    "an attempt whose time runs out before the headers causes TokenTimeoutError and closes its socket (row 9)",
    "a token request that is interrupted before the headers closes its socket and is not retried (row 10)"
  ]],
  ["reports status 0", [
    "the client fails if no response comes, and does not report a response with status 0 (row 16)",
    "a refused connection causes TokenTransportError (row 1)",
    "a host name that does not exist causes TokenTransportError (row 4)",
    "the client rejects a certificate of an unknown authority and sends no byte of the request (row 5)",
    "an https request to a plain port that responds causes TokenTransportError (row 6)",
    "a connection that the server closes before the headers causes TokenTransportError (row 7)",
    "a connection that the server closes in the middle of the headers causes TokenTransportError (row 7)",
    "a connection that the server resets before the headers causes TokenTransportError (row 7)",
    "a connection that the server resets in the middle of the headers causes TokenTransportError (row 7)",
    "the client reads on after an unrequested 100 Continue, or fails as its options say (row 14)"
  ]]
]

/** A pattern that only this text matches. */
const literally = (text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")

/**
 * Each client plays the tests that must fail for any of them, those that may fail, and some that every client must
 * pass: of broken connections and of bytes that are not a valid response. The others would cost a minute, and cover
 * none of these faults.
 */
const titles = [...faults.flatMap(([, expected]) => expected), ...uncertain].map(literally)
const played = new RegExp(`(?:${[...new Set(titles), "\\(row (?:8|12|13)\\)"].join("|")})$`)

const results = planted("clients", { concurrency: 10, titles: played })

describe("adapterContract", () => {
  it.live.each(faults)(
    "adapterContract fails for a client that %s (C2)",
    ([fault, expected]) =>
      Effect.gen(function*() {
        const { failed, passed } = yield* results(fault)
        const certain = failed.filter((title) => expected.includes(title) || !uncertain.includes(title))
        expect(certain).toStrictEqual([...expected].sort())
        expect(passed.length).toBeGreaterThan(30)
      }),
    900_000 // it only ends a test that hangs, on however busy a machine
  )
})
