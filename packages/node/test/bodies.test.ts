/*
 * Each kind of body, and each odd response, with our client for API calls and with that of platform-node side by side
 * (row 134 of docs/design/faults.md).
 */
import * as NodeScriptedServer from "@effect-tilia/contract/NodeScriptedServer"
import { always, inTurn, send } from "@effect-tilia/contract/ScriptedServer"
import { NodeTokenHttpClient } from "@effect-tilia/node"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Undici from "@effect/platform-node/Undici"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { Readable } from "node:stream"
import { tokenClient } from "./support/clients.js"
import { echo, type Echoed } from "./support/servers.js"

const { open } = Effect.runSync(NodeScriptedServer.make())

const ours = Effect.provide(Layer.orDie(NodeTokenHttpClient.layer()))
const platforms = Effect.provide(NodeHttpClient.layerUndici)

const text = "täxt"
const bytes = new TextEncoder().encode(text)

/** The same bytes in the middle of a longer buffer. */
const framed = new Uint8Array([0, ...bytes, 0]).buffer

async function* generate() {
  yield bytes.subarray(0, 2)
  yield bytes.subarray(2)
}

const form = <Form extends { append: (name: string, value: string | Blob, fileName?: string) => void }>(form: Form) => {
  form.append("field", text)
  form.append("field", "twice")
  form.append("file", new Blob([bytes], { type: "text/csv" }), "ä.csv")
  return form
}

/** As undici writes it, but for the boundary. */
const undiciForm = [
  "------boundary",
  "Content-Disposition: form-data; name=\"field\"",
  "",
  text,
  "------boundary",
  "Content-Disposition: form-data; name=\"field\"",
  "",
  "twice",
  "------boundary",
  "Content-Disposition: form-data; name=\"file\"; filename=\"ä.csv\"",
  "Content-Type: text/csv",
  "",
  text,
  "------boundary--",
  ""
].join("\r\n")

interface Sent {
  readonly what: string
  readonly body: () => HttpBody.HttpBody
  /** What the server receives, if it is not `text`, or that both clients refuse to send it. */
  readonly received?: string
}

const sent: ReadonlyArray<Sent> = [
  { what: "no body", body: () => HttpBody.empty, received: "" },
  { what: "a text", body: () => HttpBody.text(text) },
  { what: "a text of a type", body: () => HttpBody.text(text, "text/csv") },
  { what: "JSON", body: () => HttpBody.unsafeJson({ a: text }), received: `{"a":"${text}"}` },
  { what: "form fields", body: () => HttpBody.urlParams([["a", "b c"]]), received: "a=b+c" },
  { what: "bytes", body: () => HttpBody.uint8Array(bytes) },
  { what: "no bytes", body: () => HttpBody.uint8Array(new Uint8Array()), received: "" },
  { what: "a stream", body: () => HttpBody.stream(Stream.make(bytes)) },
  { what: "a stream of known length", body: () => HttpBody.stream(Stream.make(bytes), "text/plain", bytes.length) },
  { what: "a raw text", body: () => HttpBody.raw(text) },
  { what: "a raw text with its length", body: () => HttpBody.raw(text, { contentLength: bytes.length }) },
  { what: "a raw Buffer", body: () => HttpBody.raw(Buffer.from(bytes)) },
  { what: "an ArrayBuffer", body: () => HttpBody.raw(new Uint8Array(bytes).buffer) },
  { what: "a DataView", body: () => HttpBody.raw(new DataView(framed, 1, bytes.length)) },
  { what: "a Uint16Array", body: () => HttpBody.raw(new Uint16Array([0x6261])), received: "ab" },
  { what: "a Blob", body: () => HttpBody.raw(new Blob([bytes], { type: "text/csv" })) },
  { what: "a Readable", body: () => HttpBody.raw(Readable.from([bytes])) },
  { what: "an async iterable", body: () => HttpBody.raw(generate()) },
  { what: "an iterable", body: () => HttpBody.raw([bytes]) },
  { what: "a web stream", body: () => HttpBody.raw(new Blob([bytes]).stream()) },
  { what: "a FormData of undici", body: () => HttpBody.raw(form(new Undici.FormData())), received: undiciForm },
  { what: "an object", body: () => HttpBody.raw({ some: "object" }), received: "refused" },
  { what: "a number", body: () => HttpBody.raw(1), received: "refused" },
  {
    what: "a Readable that fails",
    body: () =>
      HttpBody.raw(
        new Readable({
          read() {
            this.destroy(new Error("gone"))
          }
        })
      ),
    received: "refused"
  },
  { what: "bytes with a wrong length", body: () => HttpBody.raw(bytes, { contentLength: 3 }), received: "refused" }
]

/** What a test can compare: the end of a request, without what differs from run to run. */
const withoutRandom = (text: string) =>
  text.replace(/formdata-undici-0\d{11}/g, "boundary").replace(/127\.0\.0\.1:\d+/g, "host")

/** The response, or the reason of the failure with the message of its cause. */
const outcome = <A, R>(effect: Effect.Effect<A, HttpClientError.HttpClientError, R>) =>
  effect.pipe(
    Effect.match({
      onSuccess: (value) => ({ value }),
      onFailure: ({ cause, reason }) => ({ reason, cause: String(cause) })
    }),
    Effect.map((end) => withoutRandom(JSON.stringify(end)))
  )

const put = (url: string, body: HttpBody.HttpBody) =>
  Effect.flatMap(
    Effect.withTracerEnabled(HttpClient.put(`${url}/p?q=1`, { body }), false),
    ({ json }) => json
  ).pipe(Effect.map((json) => json as Echoed))

describe("each kind of body (row 134)", () => {
  it.scopedLive.each(sent)(
    "our client sends $what as platform's client does (row 134)",
    ({ body, received }) =>
      Effect.gen(function*() {
        const url = yield* echo
        const [our, theirs] = [yield* ours(outcome(put(url, body()))), yield* platforms(outcome(put(url, body())))]
        expect(our).toBe(theirs)
        if (received !== "refused") expect(JSON.parse(our)).toMatchObject({ value: { body: received ?? text } })
        else expect(JSON.parse(our)).toHaveProperty("reason")
      })
  )

  it.scopedLive.each<Sent>([
    { what: "as a FormData", body: () => HttpBody.formData(form(new FormData())) },
    { what: "as a raw body", body: () => HttpBody.raw(form(new FormData())) },
    {
      what: "as a record",
      body: () =>
        HttpBody.formDataRecord({ field: [text, "twice"], file: new File([bytes], "ä.csv", { type: "text/csv" }) })
    }
  ])("our client sends a form $what, which platform's client cannot (row 134)", ({ body }) =>
    Effect.gen(function*() {
      const url = yield* echo
      const { body: received, headers } = yield* ours(put(url, body()))
      expect(headers["content-type"]).toMatch(/^multipart\/form-data; boundary=/)
      expect(headers["content-length"]).toBe(String(Buffer.byteLength(received)))
      const read = yield* Effect.promise(() =>
        new Response(received, { headers: { "content-type": String(headers["content-type"]) } }).formData()
      )
      expect(read.getAll("field")).toStrictEqual([text, "twice"])
      const file = read.get("file")
      expect(file).toMatchObject({ name: "ä.csv", type: "text/csv" })
      expect(yield* Effect.promise(async () => file instanceof Blob ? file.text() : file)).toBe(text)
      expect((yield* platforms(Effect.exit(put(url, body()))))._tag).toBe("Failure")
    }))

  it.scopedLive.each(["#a", "?b=1#a", "#", "#a#b?c"])(
    "our client sends no fragment of a URL, as %s, which is of no concern to a server (N10)",
    (end) =>
      Effect.gen(function*() {
        const url = yield* echo
        const response = yield* ours(Effect.flatMap(HttpClient.get(`${url}/x${end}`), ({ json }) => json))
        expect(response).toMatchObject({ url: `/x${end.split("#")[0]}` })
      })
  )

  it.scopedLive("our client reads the response to a form as platform's client does", () =>
    Effect.gen(function*() {
      const url = yield* echo
      const response = yield* ours(HttpClient.put(url, { body: HttpBody.formData(form(new FormData())) }))
      expect(response.status).toBe(200)
      expect(yield* response.json).toMatchObject({ method: "PUT" })
    }))
})

describe("odd responses", () => {
  it.scopedLive.each(
    [
      [
        "a body in chunks with trailers",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-a\r\n\r\n2\r\nab\r\n0\r\nx-a: 1\r\n\r\n"
      ],
      [
        "an upgrade that was not asked for",
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"
      ],
      [
        "an informational response",
        "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na"
      ],
      ["a body that is too short", "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\na"],
      ["a status out of range", "HTTP/1.1 999 Odd\r\ncontent-length: 1\r\n\r\na"],
      ["what isn't HTTP", "SSH-2.0\r\n"]
    ] as const
  )("our client makes of %s what platform's client makes of it", ([, response]) =>
    Effect.gen(function*() {
      const get = (url: string) =>
        Effect.flatMap(HttpClient.get(url), ({ headers, status, text }) =>
          Effect.map(text, (text) => ({ status, headers: { ...headers }, text })))
      const server = yield* open(always(response))
      expect(yield* ours(outcome(get(server.url)))).toBe(yield* platforms(outcome(get(server.url))))
    }))

  it.scopedLive("our client upgrades a connection as undici's options say, as platform's client does", () =>
    Effect.gen(function*() {
      const server = yield* open(inTurn([
        send("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n")
      ]))
      const get = Effect.provideService(HttpClient.get(server.url), NodeHttpClient.UndiciRequestOptions, {
        path: "/",
        method: "GET",
        upgrade: "x"
      })
      expect(yield* ours(outcome(Effect.as(get, "upgraded")))).toBe(
        yield* platforms(outcome(Effect.as(get, "upgraded")))
      )
    }))
})

describe("a TypeError inside undici is a defect, and no failed request that would be retried", () => {
  const request = Effect.suspend(() => HttpClient.post("http://127.0.0.1:1", { body: HttpBody.empty }))

  class Broken extends Undici.Agent {
    override dispatch(): boolean {
      throw new TypeError("dispatch is broken")
    }
  }

  it.live.each(
    [
      ["of API calls", NodeTokenHttpClient.layer],
      ["of token requests", tokenClient]
    ] as const
  )("a dispatcher that throws one is a defect of the client %s", ([, layer]) =>
    Effect.gen(function*() {
      const client = Layer.orDie(layer({ dispatcher: new Broken() }))
      const cause = yield* request.pipe(Effect.sandbox, Effect.flip, Effect.provide(client))
      expect(Cause.isDie(cause)).toBe(true)
      expect(Cause.pretty(cause)).toContain("dispatch is broken")
    }))

  it.scopedLive("raw URLSearchParams, which undici takes for pairs of bytes, are a defect", () =>
    Effect.gen(function*() {
      const url = yield* echo
      const cause = yield* put(url, HttpBody.raw(new URLSearchParams({ a: "b" }))).pipe(
        Effect.sandbox,
        Effect.flip,
        ours
      )
      expect(Cause.isDie(cause)).toBe(true)
    }))

  /** Yields one piece, and then fails as `fetch` does when a server dies. */
  const failing = async function*() {
    yield bytes
    throw new TypeError("terminated")
  }

  it.scopedLive.each<[string, () => HttpBody.HttpBody]>([
    ["an async iterable", () => HttpBody.raw(failing())],
    ["a web stream", () => HttpBody.raw(Readable.toWeb(Readable.from(failing())))],
    ["a Readable", () => HttpBody.raw(Readable.from(failing()))],
    ["a Stream", () => HttpBody.stream(Stream.fromAsyncIterable(failing(), (error) => error))]
  ])(
    "a body that fails with a TypeError, as %s, is a RequestError as with platform's client (N4, row 173)",
    ([, body]) =>
      Effect.gen(function*() {
        const url = yield* echo
        const our = yield* ours(outcome(put(url, body())))
        expect(JSON.parse(our)).toStrictEqual({ reason: "Transport", cause: "TypeError: terminated" })
        expect(our).toBe(yield* platforms(outcome(put(url, body()))))
      })
  )
})
