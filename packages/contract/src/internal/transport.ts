/*
 * Rows 1–8 and 12–15 of docs/design/faults.md: what goes wrong on the way.
 */
import type { TokenEndpoint } from "@effect-tilia/core"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { describe, expect } from "vitest"
import * as ScriptedServer from "../ScriptedServer.js"
import {
  ask,
  endpointAt,
  errorOf,
  expectError,
  open,
  requestToken,
  type Subject,
  testOver,
  token,
  tokenText,
  transport
} from "./subject.js"

const { always, answer, inTurn, json, reset, send, until, wait } = ScriptedServer

const head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
const body = JSON.stringify(token)

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

const malformed: ReadonlyArray<readonly [string, ScriptedServer.Script]> = [
  ["that is not HTTP", always("220 mail.example ESMTP\r\n")],
  ["with headers over 16 KiB", always(answer(200, { x: "x".repeat(300_000) }, body))],
  ["with two different Content-Lengths", always(`${head}content-length: 5\r\ncontent-length: 7\r\n\r\n${body}`)],
  [
    "with both a Content-Length and chunked encoding",
    always(`${head}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{"a":\r\n0\r\n\r\n`)
  ],
  ["with a control character in a header", always(`${head}x: a\u0000b\r\ncontent-length: 2\r\n\r\n{}`)]
]

const keptAlive = send(json(200, token, { connection: "keep-alive" }))

/** How a connection that was kept alive ends: while nothing is asked, or as the next request comes. */
const ended: ReadonlyArray<readonly [string, ScriptedServer.Play]> = [
  ["a FIN", inTurn([keptAlive, wait(10), ScriptedServer.end], [reset])],
  ["an RST", inTurn([keptAlive, wait(10), reset], [reset])],
  ["an RST on its next use", inTurn([keptAlive], [reset])]
]

const timeout = { _tag: "TokenTimeoutError", attempts: 2 }
const brief: TokenEndpoint.Options = { attemptTimeout: "400 millis" }

/** What comes of a request to a server that plays this, in so little time. */
const failure = Effect.fnUntraced(function*({ client }: Subject, script: ScriptedServer.Script) {
  const server = yield* open(script)
  return { server, error: yield* errorOf(ask(server.url, client, brief)) }
})

const onTheWay = (subject: Subject): void => {
  const test = testOver(subject)
  const { client } = subject

  test("a refused connection causes TokenTransportError (row 1)", () =>
    Effect.gen(function*() {
      const { error } = yield* failure(subject, ScriptedServer.refuse)
      expectError(error, transport(subject, "Refused"))
    }))

  test("a server that never accepts the connection causes TokenTimeoutError (row 3)", () =>
    Effect.gen(function*() {
      const { error } = yield* failure(subject, ScriptedServer.swallow)
      expectError(error, timeout)
    }))

  test("a host name that does not exist causes TokenTransportError (row 4)", () =>
    Effect.gen(function*() {
      // A label of more than 63 characters: no resolver needs to be asked.
      const error = yield* errorOf(ask(`https://${"a".repeat(64)}.invalid`, client, brief))
      expectError(error, transport(subject, "Dns"))
    }))
}

const overTls = (subject: Subject): void => {
  const test = testOver(subject)
  const { client, trusting } = subject
  const secured = (tls: Exclude<ScriptedServer.Play["tls"], undefined>) => open({ ...always(json(200, token)), tls })
  const untrusting = trusting === undefined && "there is no `trusting`, so nothing else can be wrong with a certificate"
  const trustingOf = ({ authority = "" }: ScriptedServer.Server) =>
    trusting === undefined ? client : Layer.orDie(trusting(authority))

  test("the client rejects a certificate of an unknown authority and sends no byte of the request (row 5)", () =>
    Effect.gen(function*() {
      const server = yield* secured("valid")
      expectError(yield* errorOf(ask(server.url, client, brief)), transport(subject, "Tls"))
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
        expectError(yield* errorOf(ask(server.url, trustingOf(server), brief)), transport(subject, "Tls"))
        expect(yield* server.seen).toMatchObject({ requests: [], received: 0 })
      }), untrusting)
  }

  test("the client accepts a certificate of a trusted authority (row 5)", () =>
    Effect.gen(function*() {
      const server = yield* secured("valid")
      expect(Redacted.value((yield* ask(server.url, trustingOf(server))).value)).toBe(tokenText)
    }), untrusting)

  const otherProtocol = (url: string) => url.replace(/^https?/, (name) => name === "http" ? "https" : "http")

  test("an https request to a plain port that responds causes TokenTransportError (row 6)", () =>
    Effect.gen(function*() {
      const server = yield* open({ ...always(answer(400)), begins: "bytes" })
      const error = yield* errorOf(ask(otherProtocol(server.url), client, brief))
      expectError(error, transport(subject, "Tls"))
    }))

  test("an https request to a plain port that stays silent causes TokenTimeoutError (row 6)", () =>
    Effect.gen(function*() {
      const server = yield* open(ScriptedServer.silent)
      expectError(yield* errorOf(ask(otherProtocol(server.url), client, brief)), timeout)
    }))

  test("an http request to a TLS port fails, and the server receives no request (row 6)", () =>
    Effect.gen(function*() {
      const server = yield* secured("valid")
      const error = yield* errorOf(ask(otherProtocol(server.url), client, brief))
      expectError(error, {
        _tag: expect.stringMatching(/^(TokenTransportError|TokenTimeoutError)$/),
        attempts: 2
      })
      expect((yield* server.seen).requests).toStrictEqual([])
    }))
}

const cutShort = (subject: Subject): void => {
  const test = testOver(subject)
  const { client } = subject

  for (const { script, title } of broken) {
    test(title, () =>
      Effect.gen(function*() {
        const { error, server } = yield* failure(subject, script)
        expectError(error, transport(subject, "Reset"))
        expect((yield* server.seen).requests.length).toBe(2)
      }))
  }

  for (const [how, script] of ended) {
    test(`the caller gets a token although the server ends a kept-alive connection with ${how} (row 12)`, () =>
      Effect.gen(function*() {
        const server = yield* open({ ...script, counted: "connection" })
        yield* Effect.zipLeft(requestToken, Effect.sleep("25 millis")).pipe(
          Effect.repeatN(2),
          Effect.provide(endpointAt(server.url, client, { retry: { maxAttempts: 4, baseDelay: "1 millis" } }))
        )
        expect((yield* server.seen).requests.length).toBeGreaterThanOrEqual(3)
      }))
  }

  for (const [what, script] of malformed) {
    test(`a response ${what} causes TokenTransportError (row 13)`, () =>
      Effect.gen(function*() {
        const { error } = yield* failure(subject, script)
        expectError(error, { _tag: "TokenTransportError", attempts: 2 })
      }))
  }
}

const unasked = (subject: Subject): void => {
  const test = testOver(subject)
  const { client, keepsUpgraded = false, refusesContinue = false } = subject

  for (const status of ["100 Continue", "103 Early Hints"]) {
    test(`the client reads on after an unrequested ${status}, or fails as its options say (row 14)`, () =>
      Effect.gen(function*() {
        const server = yield* open(
          inTurn([send(`HTTP/1.1 ${status}\r\n\r\n`), send(json(200, token)), ScriptedServer.end])
        )
        const asked = ask(server.url, client)
        if (status === "100 Continue" && refusesContinue) {
          expectError(yield* errorOf(asked), transport(subject, "Reset"))
        } else expect(Redacted.value((yield* asked).value)).toBe(tokenText)
      }))
  }

  test("a response with status 101 causes an error, and its socket is closed unless the client keeps it (row 15)", () =>
    Effect.gen(function*() {
      const { error, server } = yield* failure(
        subject,
        inTurn([send("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n")])
      )
      expectError(error, { _tag: expect.stringMatching(/^(UnexpectedResponseError|TokenTransportError)$/) })
      if (!keepsUpgraded) yield* until(server, ({ used }) => used === 0)
    }))
}

export const transportRows = (subject: Subject): void => {
  describe("the way to the server", () => {
    onTheWay(subject)
    overTls(subject)
    cutShort(subject)
    unasked(subject)
  })
}
