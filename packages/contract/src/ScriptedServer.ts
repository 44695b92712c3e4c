/**
 * Servers that play a script: the bytes of any response, valid or broken. A script is data, so the server may run in
 * another process than the tests. `NodeScriptedServer` runs it in the process of the tests. `RemoteScriptedServer`
 * reaches one in Node from the tests of a page.
 *
 * @example
 * import * as NodeScriptedServer from "@effect-tilia/contract/NodeScriptedServer"
 * import * as ScriptedServer from "@effect-tilia/contract/ScriptedServer"
 * import { FetchHttpClient, HttpClient } from "@effect/platform"
 * import { Effect } from "effect"
 *
 * const { inTurn, json, reset, send } = ScriptedServer
 *
 * // The first request is reset, and each further one succeeds.
 * const program = Effect.gen(function*() {
 *   const { open } = yield* ScriptedServer.ScriptedServer
 *   const server = yield* open(inTurn([reset], [send(json(200, { name: "me" }))]))
 *   const response = yield* Effect.retry(HttpClient.get(server.url), { times: 1 })
 *   return [response.status, (yield* server.seen).requests.length] // [200, 2]
 * }).pipe(Effect.scoped, Effect.provide([NodeScriptedServer.layer(), FetchHttpClient.layer]))
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"

const Count = Schema.NonNegativeInt

/**
 * One action of a server on a connection:
 *
 * - `Send` sends bytes once.
 * - `Repeat` sends the same bytes several times.
 * - `Wait` waits for a time.
 * - `AwaitRequests` waits for requests, on any connection.
 * - `End` closes the connection.
 * - `Reset` resets the connection.
 *
 * A connection that is neither closed nor reset stays open.
 *
 * @since 0.1.0
 * @category models
 */
export const Step = Schema.Union(
  Schema.TaggedStruct("Send", {
    /** What is sent. The next step begins when the operating system has taken it. */
    bytes: Schema.Uint8ArrayFromBase64
  }),
  Schema.TaggedStruct("Repeat", {
    /** What is sent each time. */
    bytes: Schema.Uint8ArrayFromBase64,
    /** The time between two repetitions, in milliseconds. */
    every: Count,
    /**
     * How often the bytes are sent.
     *
     * @default until the connection ends
     */
    times: Schema.optionalWith(Count, { exact: true })
  }),
  Schema.TaggedStruct("Wait", {
    /** The time, in milliseconds. */
    millis: Count
  }),
  Schema.TaggedStruct("AwaitRequests", {
    /** How many requests the server must have received, on all connections together. */
    count: Count
  }),
  Schema.TaggedStruct("End", {}),
  Schema.TaggedStruct("Reset", {})
)

/**
 * The type of the schema `Step`.
 *
 * @since 0.1.0
 * @category models
 */
export type Step = typeof Step.Type

/**
 * What a server does:
 *
 * - `Play` accepts connections and plays one turn for each request.
 * - `Refuse` refuses every connection.
 * - `Swallow` neither accepts nor refuses a connection.
 *
 * @since 0.1.0
 * @category models
 */
export const Script = Schema.Union(
  Schema.TaggedStruct("Play", {
    /** The steps for the first request, those for the second, and so on. The last turn is repeated. */
    turns: Schema.NonEmptyArray(Schema.Array(Step)),
    /** Whether requests are counted on the whole server, or on each connection from the start. */
    counted: Schema.Literal("server", "connection"),
    /** When a turn begins: when a whole request has arrived, or at the first bytes. */
    begins: Schema.Literal("request", "bytes"),
    /**
     * The certificate of a server that speaks TLS: one that is valid for its address, one that has expired, one for
     * another host (`misnamed`), or a valid one over TLS 1.1 (`outdated`).
     *
     * @default the server does not speak TLS
     */
    tls: Schema.optionalWith(Schema.Literal("valid", "expired", "misnamed", "outdated"), { exact: true })
  }),
  Schema.TaggedStruct("Refuse", {}),
  Schema.TaggedStruct("Swallow", {})
)

/**
 * The type of the schema `Script`.
 *
 * @since 0.1.0
 * @category models
 */
export type Script = typeof Script.Type

/**
 * The script of a server that accepts connections.
 *
 * @since 0.1.0
 * @category models
 */
export type Play = Extract<Script, { readonly _tag: "Play" }>

/**
 * What a server has seen so far.
 *
 * @since 0.1.0
 * @category models
 */
export const Seen = Schema.Struct({
  /** The requests, as text with one character for each byte. With `begins: "bytes"`, the bytes that began a turn. */
  requests: Schema.Array(Schema.String),
  /** How many bytes have arrived, inside and outside of requests. */
  received: Count,
  /** How many bytes the server has sent. */
  sent: Count,
  /** How many connections have been made. */
  made: Count,
  /** How many connections are open. */
  open: Count,
  /** How many open connections have brought bytes. Some clients open a connection before they use it. */
  used: Count
})

/**
 * The type of the schema `Seen`.
 *
 * @since 0.1.0
 * @category models
 */
export type Seen = typeof Seen.Type

/**
 * A server that runs.
 *
 * @since 0.1.0
 * @category models
 */
export interface Server {
  /** The base URL of the server, without a slash at its end. */
  readonly url: string
  /** The authority that issued the server's certificate, in PEM form; `undefined` if the server does not speak TLS. */
  readonly authority: string | undefined
  /** What the server has seen so far. */
  readonly seen: Effect.Effect<Seen>
}

/**
 * Starts servers.
 *
 * @since 0.1.0
 * @category models
 */
export interface ScriptedServer {
  /** Starts a server on a port of its own. When the scope closes, it stops and cuts its connections. */
  readonly open: (script: Script) => Effect.Effect<Server, never, Scope.Scope>
}

/**
 * The service that starts servers, in this process or in another one.
 *
 * @since 0.1.0
 * @category tags
 */
export const ScriptedServer: Context.Tag<ScriptedServer, ScriptedServer> = Context.GenericTag(
  "@effect-tilia/contract/ScriptedServer"
)

const toBytes = (bytes: string | Uint8Array): Uint8Array =>
  typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes

/**
 * Sends bytes. A text is sent as UTF-8.
 *
 * @since 0.1.0
 * @category constructors
 */
export const send = (bytes: string | Uint8Array): Step => ({ _tag: "Send", bytes: toBytes(bytes) })

/**
 * Sends the same bytes several times. A text is sent as UTF-8.
 *
 * @since 0.1.0
 * @category constructors
 */
export const repeat = (
  bytes: string | Uint8Array,
  options: {
    /**
     * The time between two repetitions, in milliseconds.
     *
     * @default 0
     */
    readonly every?: number
    /**
     * How often the bytes are sent.
     *
     * @default until the connection ends
     */
    readonly times?: number
  } = {}
): Step => ({ _tag: "Repeat", bytes: toBytes(bytes), every: 0, ...options })

/**
 * Waits for this many milliseconds.
 *
 * @since 0.1.0
 * @category constructors
 */
export const wait = (millis: number): Step => ({ _tag: "Wait", millis })

/**
 * Waits until the server has received this many requests, on all connections together.
 *
 * @since 0.1.0
 * @category constructors
 */
export const awaitRequests = (count: number): Step => ({ _tag: "AwaitRequests", count })

/**
 * Closes the connection after everything that was sent before.
 *
 * @since 0.1.0
 * @category constructors
 */
export const end: Step = { _tag: "End" }

/**
 * Resets the connection: the client gets an RST.
 *
 * @since 0.1.0
 * @category constructors
 */
export const reset: Step = { _tag: "Reset" }

/**
 * A server that plays the first turn for its first request, the second turn for its second request, and so on. It
 * repeats the last turn.
 *
 * @since 0.1.0
 * @category constructors
 */
export const inTurn = (first: ReadonlyArray<Step>, ...others: ReadonlyArray<ReadonlyArray<Step>>): Play => ({
  _tag: "Play",
  turns: [first, ...others],
  counted: "server",
  begins: "request"
})

/**
 * A server that sends the same bytes for every request, and closes the connection.
 *
 * @since 0.1.0
 * @category constructors
 */
export const always = (bytes: string | Uint8Array): Play => inTurn([send(bytes), end])

/**
 * A server that accepts connections and requests, and sends nothing.
 *
 * @since 0.1.0
 * @category constructors
 */
export const silent: Play = inTurn([])

/**
 * A server that refuses every connection.
 *
 * @since 0.1.0
 * @category constructors
 */
export const refuse: Script = { _tag: "Refuse" }

/**
 * A server that neither accepts nor refuses a connection: the client waits until it gives up.
 *
 * @since 0.1.0
 * @category constructors
 */
export const swallow: Script = { _tag: "Swallow" }

/**
 * The bytes of a complete, valid response. It has the headers `content-length` and `connection: close`, unless
 * `headers` says otherwise. A header with several values is sent once for each.
 *
 * @since 0.1.0
 * @category constructors
 */
export const httpResponse = (
  status: number,
  headers: Readonly<Record<string, string | ReadonlyArray<string>>> = {},
  body: string | Uint8Array = ""
): Uint8Array => {
  const content = toBytes(body)
  const lines = Object.entries({ "content-length": String(content.length), connection: "close", ...headers })
    .flatMap(([name, value]) => [value].flat().map((value) => `${name}: ${value}\r\n`))
  const head = toBytes(`HTTP/1.1 ${status} Because\r\n${lines.join("")}\r\n`)
  const whole = new Uint8Array(head.length + content.length)
  whole.set(head)
  whole.set(content, head.length)
  return whole
}

/**
 * The bytes of a complete, valid response with a JSON body: see `httpResponse`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const json = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Uint8Array =>
  httpResponse(status, { "content-type": "application/json", ...headers }, JSON.stringify(body))

/**
 * Waits until what the server has seen satisfies the predicate. A test needs it for what a client does in the
 * background, as closing a connection. After five seconds it is a defect.
 *
 * @since 0.1.0
 * @category combinators
 */
export const until = (server: Server, predicate: (seen: Seen) => boolean): Effect.Effect<void> =>
  server.seen.pipe(
    Effect.filterOrFail(predicate, (seen) => seen),
    Effect.retry(Schedule.spaced("5 millis").pipe(Schedule.upTo("5 seconds"))),
    Effect.orDieWith((seen) => new Error(`Waited for five seconds; the server saw ${JSON.stringify(seen)}`)),
    Effect.asVoid
  )
