/*
 * What goes wrong below HTTP: connections, TLS, and bytes that are not a valid response (rows 1–8 and 12–15 of
 * docs/design/faults.md).
 */
import type { TokenEndpoint } from "@effect-tilia/core"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { describe, expect } from "vitest"
import * as ScriptedServer from "../ScriptedServer.js"
import {
  endpointAt,
  errorOf,
  expectError,
  makeTest,
  open,
  requestToken,
  requestTokenAt,
  type Subject,
  token,
  tokenText,
  transportError
} from "./subject.js"

const { always, httpResponse, inTurn, json, reset, send, until, wait } = ScriptedServer

const head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
const body = JSON.stringify(token)

/** Connections that end in the middle of a response. */
const broken = (["close", "reset"] as const).flatMap((how) =>
  ([
    [7, "before the headers", ""],
    [7, "in the middle of the headers", "HTTP/1.1 200 OK\r\ncontent-ty"],
    [8, "in the middle of a body with a Content-Length", `${head}content-length: 1000\r\n\r\n{"access`],
    [8, "in the middle of a chunk", `${head}transfer-encoding: chunked\r\n\r\nff\r\n{"access`],
    [8, "between two chunks", `${head}transfer-encoding: chunked\r\n\r\n1\r\n{\r\n`]
  ] as const).map(([row, where, bytes]) => ({
    title: `a connection that the server ${how}s ${where} causes TokenTransportError (row ${row})`,
    script: inTurn([
      ...(bytes === "" ? [] : [send(bytes), ...(how === "reset" ? [wait(20)] : [])]),
      how === "close" ? ScriptedServer.end : reset
    ])
  }))
)

/** Bytes that no HTTP client may accept. */
const malformed: ReadonlyArray<readonly [string, ScriptedServer.Script]> = [
  ["that is not HTTP", always("220 mail.example ESMTP\r\n")],
  ["with headers over 16 KiB", always(httpResponse(200, { x: "x".repeat(300_000) }, body))],
  ["with two different Content-Lengths", always(`${head}content-length: 5\r\ncontent-length: 7\r\n\r\n${body}`)],
  [
    "with both a Content-Length and chunked encoding",
    always(`${head}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{"a":\r\n0\r\n\r\n`)
  ],
  ["with a control character in a header", always(`${head}x: a\u0000b\r\ncontent-length: 2\r\n\r\n{}`)]
]

const keptAlive = send(json(200, token, { connection: "keep-alive" }))

/** How a connection that was kept alive ends: while it is idle, or when the next request arrives. */
const keptAliveEnds: ReadonlyArray<readonly [string, ScriptedServer.Play]> = [
  ["a FIN", inTurn([keptAlive, wait(10), ScriptedServer.end], [reset])],
  ["an RST", inTurn([keptAlive, wait(10), reset], [reset])],
  ["an RST on its next use", inTurn([keptAlive], [reset])]
]

const timeout = { _tag: "TokenTimeoutError", attempts: 2 }

/** For a server that never responds. Where something comes of a request, a busy machine must have time for it. */
const shortAttempt: TokenEndpoint.Options = { attemptTimeout: "400 millis" }

/** The error of a token request to a server with this script. */
const failedRequest = Effect.fnUntraced(function*(
  { client }: Subject,
  script: ScriptedServer.Script,
  options: TokenEndpoint.Options = {}
) {
  const server = yield* open(script)
  return { server, error: yield* errorOf(requestTokenAt(server.url, client, options)) }
})

const declareConnectionTests = (subject: Subject): void => {
  const test = makeTest(subject)
  const { client } = subject

  test("a refused connection causes TokenTransportError (row 1)", () =>
    Effect.gen(function*() {
      const { error } = yield* failedRequest(subject, ScriptedServer.refuse)
      expectError(error, transportError(subject, "Refused"))
    }))

  test("a server that never accepts the connection causes TokenTimeoutError (row 3)", () =>
    Effect.gen(function*() {
      const { error } = yield* failedRequest(subject, ScriptedServer.swallow, shortAttempt)
      expectError(error, timeout)
    }))

  test("a host name that does not exist causes TokenTransportError (row 4)", () =>
    Effect.gen(function*() {
      // A label of more than 63 characters is invalid, so no DNS server is asked.
      const error = yield* errorOf(requestTokenAt(`https://${"a".repeat(64)}.invalid`, client))
      expectError(error, transportError(subject, "Dns"))
    }))
}

const declareTlsTests = (subject: Subject): void => {
  const test = makeTest(subject)
  const { client, trusting } = subject
  const secured = (tls: Exclude<ScriptedServer.Play["tls"], undefined>) => open({ ...always(json(200, token)), tls })
  const skipReason = trusting === undefined && "it needs the option `trusting`"
  const trustingOf = ({ authority = "" }: ScriptedServer.Server) =>
    trusting === undefined ? client : Layer.orDie(trusting(authority))

  test("the client rejects a certificate of an unknown authority and sends no byte of the request (row 5)", () =>
    Effect.gen(function*() {
      const server = yield* secured("valid")
      expectError(yield* errorOf(requestTokenAt(server.url, client)), transportError(subject, "Tls"))
      expect(yield* server.seen).toMatchObject({ requests: [], received: 0 })
    }))

  for (
    const [what, tls] of [
      ["a certificate that has expired", "expired"],
      ["a certificate for another name", "misnamed"],
      ["a certificate over TLS 1.1", "outdated"]
    ] as const
  ) {
    test(`the client rejects ${what} and sends no byte of the request (row 5)`, () =>
      Effect.gen(function*() {
        const server = yield* secured(tls)
        expectError(
          yield* errorOf(requestTokenAt(server.url, trustingOf(server))),
          transportError(subject, "Tls")
        )
        expect(yield* server.seen).toMatchObject({ requests: [], received: 0 })
      }), skipReason)
  }

  test("the client accepts a certificate of a trusted authority (row 5)", () =>
    Effect.gen(function*() {
      const server = yield* secured("valid")
      expect(Redacted.value((yield* requestTokenAt(server.url, trustingOf(server))).value)).toBe(tokenText)
    }), skipReason)

  const otherProtocol = (url: string) => url.replace(/^https?/, (name) => name === "http" ? "https" : "http")

  test("an https request to a plain port that responds causes TokenTransportError (row 6)", () =>
    Effect.gen(function*() {
      const server = yield* open({ ...always(httpResponse(400)), begins: "bytes" })
      const error = yield* errorOf(requestTokenAt(otherProtocol(server.url), client))
      expectError(error, transportError(subject, "Tls"))
    }))

  test("an https request to a plain port that stays silent causes TokenTimeoutError (row 6)", () =>
    Effect.gen(function*() {
      const server = yield* open(ScriptedServer.silent)
      expectError(yield* errorOf(requestTokenAt(otherProtocol(server.url), client, shortAttempt)), timeout)
    }))

  test("an http request to a TLS port fails, and the server receives no request (row 6)", () =>
    Effect.gen(function*() {
      const server = yield* secured("valid")
      const error = yield* errorOf(requestTokenAt(otherProtocol(server.url), client, shortAttempt))
      expectError(error, {
        _tag: expect.stringMatching(/^(TokenTransportError|TokenTimeoutError)$/),
        attempts: 2
      })
      expect((yield* server.seen).requests).toStrictEqual([])
    }))
}

const declareBrokenConnectionTests = (subject: Subject): void => {
  const test = makeTest(subject)
  const { client, reusesConnections = false } = subject

  for (const { script, title } of broken) {
    test(title, () =>
      Effect.gen(function*() {
        const { error, server } = yield* failedRequest(subject, script)
        expectError(error, transportError(subject, "Reset"))
        expect((yield* server.seen).requests.length).toBe(2)
      }))
  }

  for (const [how, script] of keptAliveEnds) {
    test(`the caller gets a token although the server ends a kept-alive connection with ${how} (row 12)`, () =>
      Effect.gen(function*() {
        const server = yield* open({ ...script, counted: "connection" })
        yield* Effect.zipLeft(requestToken, Effect.sleep("25 millis")).pipe(
          Effect.repeatN(2),
          Effect.provide(endpointAt(server.url, client, { retry: { maxAttempts: 4, baseDelay: "1 millis" } }))
        )
        const { made, requests } = yield* server.seen
        expect(requests.length).toBeGreaterThanOrEqual(3)
        // Only a client that has used a connection again has met its end there.
        if (how === "an RST on its next use" && reusesConnections) expect(requests.length).toBeGreaterThan(made)
      }))
  }

  test("three token requests over a connection that stays open yield three tokens (E6)", () =>
    Effect.gen(function*() {
      const server = yield* open(inTurn([keptAlive]))
      yield* Effect.repeatN(requestToken, 2).pipe(Effect.provide(endpointAt(server.url, client)))
      const { made, requests } = yield* server.seen
      expect(requests.length).toBe(3)
      if (reusesConnections) expect(made).toBeLessThan(3)
    }))

  for (const [what, script] of malformed) {
    test(`a response ${what} causes TokenTransportError (row 13)`, () =>
      Effect.gen(function*() {
        const { error } = yield* failedRequest(subject, script)
        expectError(error, { _tag: "TokenTransportError", attempts: 2 })
      }))
  }
}

const declareInformationalTests = (subject: Subject): void => {
  const test = makeTest(subject)
  const { client, keepsUpgraded = false, refusesContinue = false } = subject

  for (const status of ["100 Continue", "103 Early Hints"]) {
    test(`the client reads on after an unrequested ${status}, or fails as its options say (row 14)`, () =>
      Effect.gen(function*() {
        const server = yield* open(
          inTurn([send(`HTTP/1.1 ${status}\r\n\r\n`), send(json(200, token)), ScriptedServer.end])
        )
        const request = requestTokenAt(server.url, client)
        if (status === "100 Continue" && refusesContinue) {
          expectError(yield* errorOf(request), transportError(subject, "Reset"))
        } else expect(Redacted.value((yield* request).value)).toBe(tokenText)
      }))
  }

  test("a response with status 101 causes an error, and its socket is closed unless the client keeps it (row 15)", () =>
    Effect.gen(function*() {
      const { error, server } = yield* failedRequest(
        subject,
        inTurn([send("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n")])
      )
      expectError(error, { _tag: expect.stringMatching(/^(UnexpectedResponseError|TokenTransportError)$/) })
      if (!keepsUpgraded) yield* until(server, ({ used }) => used === 0)
    }))
}

export const declareTransportTests = (subject: Subject): void => {
  describe("the way to the server", () => {
    declareConnectionTests(subject)
    declareTlsTests(subject)
    declareBrokenConnectionTests(subject)
    declareInformationalTests(subject)
  })
}
