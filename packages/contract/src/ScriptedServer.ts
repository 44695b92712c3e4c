/**
 * A server that plays a script: the bytes of any answer, honest or broken. A script is data, so that the server may run
 * in another process than the tests. `NodeScriptedServer` runs it in theirs; the tests of a page reach one in Node
 * through `RemoteScriptedServer`.
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
 * One thing that a server does on a connection:
 *
 * - `Send`: sends these bytes, and waits until the system has taken them.
 * - `Repeat`: the same, so many `times` (for ever), with so many milliseconds between.
 * - `Wait`: so many milliseconds.
 * - `AwaitRequests`: until so many requests have come, on any connection.
 * - `End`, `Reset`: how the connection ends; where neither comes, it stays open.
 *
 * @since 0.1.0
 * @category models
 */
export const Step = Schema.Union(
  Schema.TaggedStruct("Send", { bytes: Schema.Uint8ArrayFromBase64 }),
  Schema.TaggedStruct("Repeat", {
    bytes: Schema.Uint8ArrayFromBase64,
    every: Count,
    times: Schema.optionalWith(Count, { exact: true })
  }),
  Schema.TaggedStruct("Wait", { millis: Count }),
  Schema.TaggedStruct("AwaitRequests", { count: Count }),
  Schema.TaggedStruct("End", {}),
  Schema.TaggedStruct("Reset", {})
)

/**
 * @since 0.1.0
 * @category models
 */
export type Step = typeof Step.Type

/**
 * What a server does:
 *
 * - `Play`: the first of its `turns` to the first request, and so on, the last for ever. They are counted on the whole
 *   `server` or on each `connection`. A turn begins with a whole `request`, or with whatever `bytes` come first. `tls`
 *   is the certificate with which the server speaks TLS: `valid` for its address, `expired`, `misnamed` (for another
 *   host), or `outdated` (valid, over TLS 1.1).
 * - `Refuse`: nobody listens.
 * - `Swallow`: connections are never accepted, nor refused.
 *
 * @since 0.1.0
 * @category models
 */
export const Script = Schema.Union(
  Schema.TaggedStruct("Play", {
    turns: Schema.NonEmptyArray(Schema.Array(Step)),
    counted: Schema.Literal("server", "connection"),
    begins: Schema.Literal("request", "bytes"),
    tls: Schema.optionalWith(Schema.Literal("valid", "expired", "misnamed", "outdated"), { exact: true })
  }),
  Schema.TaggedStruct("Refuse", {}),
  Schema.TaggedStruct("Swallow", {})
)

/**
 * @since 0.1.0
 * @category models
 */
export type Script = typeof Script.Type

/**
 * @since 0.1.0
 * @category models
 */
export type Play = Extract<Script, { readonly _tag: "Play" }>

/**
 * What a server has seen so far: the whole requests, byte for byte, a character each; how many bytes came, in requests
 * or not, and how many were sent; how many connections were `made`, are `open`, and over how many of the open ones
 * anything came (`used`): some clients open one ahead of its use.
 *
 * @since 0.1.0
 * @category models
 */
export const Seen = Schema.Struct({
  requests: Schema.Array(Schema.String),
  received: Count,
  sent: Count,
  made: Count,
  open: Count,
  used: Count
})

/**
 * @since 0.1.0
 * @category models
 */
export type Seen = typeof Seen.Type

/**
 * A server that plays: its URL, the authority that issued its certificate, in PEM form, where it speaks TLS, and what
 * it has seen.
 *
 * @since 0.1.0
 * @category models
 */
export interface Server {
  readonly url: string
  readonly authority: string | undefined
  readonly seen: Effect.Effect<Seen>
}

/**
 * What starts such servers: `open` starts one on a port of its own. It runs until the scope's end, which cuts its
 * connections.
 *
 * @since 0.1.0
 * @category tags
 */
export class ScriptedServer extends Context.Tag("@effect-tilia/contract/ScriptedServer")<ScriptedServer, {
  readonly open: (script: Script) => Effect.Effect<Server, never, Scope.Scope>
}>() {}

const toBytes = (bytes: string | Uint8Array): Uint8Array =>
  typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes

/**
 * @since 0.1.0
 * @category constructors
 */
export const send = (bytes: string | Uint8Array): Step => ({ _tag: "Send", bytes: toBytes(bytes) })

/**
 * @since 0.1.0
 * @category constructors
 */
export const repeat = (
  bytes: string | Uint8Array,
  options: { readonly every?: number; readonly times?: number } = {}
): Step => ({ _tag: "Repeat", bytes: toBytes(bytes), every: 0, ...options })

/**
 * @since 0.1.0
 * @category constructors
 */
export const wait = (millis: number): Step => ({ _tag: "Wait", millis })

/**
 * @since 0.1.0
 * @category constructors
 */
export const awaitRequests = (count: number): Step => ({ _tag: "AwaitRequests", count })

/**
 * @since 0.1.0
 * @category constructors
 */
export const end: Step = { _tag: "End" }

/**
 * @since 0.1.0
 * @category constructors
 */
export const reset: Step = { _tag: "Reset" }

/**
 * A server that answers its requests with these turns, the last one for ever.
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
 * A server that sends these bytes to every request, and closes the connection.
 *
 * @since 0.1.0
 * @category constructors
 */
export const always = (bytes: string | Uint8Array): Play => inTurn([send(bytes), end])

/**
 * A server that hears and says nothing.
 *
 * @since 0.1.0
 * @category constructors
 */
export const silent: Play = inTurn([])

/**
 * @since 0.1.0
 * @category constructors
 */
export const refuse: Script = { _tag: "Refuse" }

/**
 * @since 0.1.0
 * @category constructors
 */
export const swallow: Script = { _tag: "Swallow" }

/**
 * The bytes of a whole, honest answer, after which the connection is to be closed, unless `headers` say otherwise.
 *
 * @since 0.1.0
 * @category constructors
 */
export const answer = (
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
 * The same, with a body of JSON.
 *
 * @since 0.1.0
 * @category constructors
 */
export const json = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Uint8Array =>
  answer(status, { "content-type": "application/json", ...headers }, JSON.stringify(body))

/**
 * Waits, two seconds at most, for what a server sees in its own time. If it doesn't, that is a defect.
 *
 * @since 0.1.0
 * @category combinators
 */
export const until = (server: Server, isSo: (seen: Seen) => boolean): Effect.Effect<void> =>
  server.seen.pipe(
    Effect.filterOrFail(isSo, (seen) => seen),
    Effect.retry(Schedule.spaced("5 millis").pipe(Schedule.upTo("2 seconds"))),
    Effect.orDieWith((seen) => new Error(`Waited for two seconds; the server saw ${JSON.stringify(seen)}`)),
    Effect.asVoid
  )
