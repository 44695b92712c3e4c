import { Sandbox } from "@effect-tilia/sandbox"
import { leakProbe, linesShowing, type Printer } from "@effect-tilia/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as MetricBoundaries from "effect/MetricBoundaries"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import { inspect } from "node:util"

const secret = Sandbox.wellKnown.clientSecret
/** Metrics belong to the process, so this secret is of the probes of metrics alone. */
const counted = "1d1d1d1d-937e-4946-bdb5-0814b603334d"

const loggers: ReadonlyArray<Printer> = [
  "Logger.stringLogger",
  "Logger.jsonLogger",
  "Logger.logfmtLogger",
  "Logger.structuredLogger",
  "Logger.prettyLogger"
]

/** A value that shows nothing in any way but the given one. */
const quiet = (leaks: object): object =>
  Object.defineProperties(
    {},
    Object.getOwnPropertyDescriptors({
      toString: () => "quiet",
      toJSON: () => "quiet",
      [inspect.custom]: () => "quiet",
      ...leaks
    })
  )

class Talkative extends Error {
  override readonly message = secret
  override readonly stack = "Talkative"
  override toString = () => "quiet"
  toJSON = () => "quiet";
  [inspect.custom] = () => "quiet"
}

class Chatty extends Error {
  override readonly stack = `Chatty\n    at ${secret}`
  override toString = () => "quiet"
  toJSON = () => "quiet";
  [inspect.custom] = () => "quiet"
}

const event = Effect.flatMap(
  Effect.currentSpan,
  (span) => Effect.sync(() => span.event("happened", 0n, { detail: secret }))
)

/** Programs that print the secret, and the printer that shows it. Every printer is in the list. */
const planted: ReadonlyArray<readonly [Printer, Effect.Effect<unknown, unknown>, string?]> = [
  ["message", Effect.succeed(new Talkative())],
  ["toString", Effect.succeed(quiet({ toString: () => secret }))],
  ["JSON.stringify", Effect.succeed(quiet({ toJSON: () => ({ deep: { inside: secret } }) }))],
  ["inspect", Effect.succeed(quiet({ [inspect.custom]: () => secret }))],
  ["Cause.pretty", Effect.fail(new Chatty())],
  ...loggers.map((printer) => [printer, Effect.logTrace(secret)] as const),
  ...loggers.map((printer) => [printer, Effect.annotateLogs(Effect.log("hello"), "key", secret)] as const),
  ...loggers.map((printer) => [printer, Effect.fail({ key: secret })] as const),
  ["Console", Console.log({ key: secret })],
  ["Console", Console.error(`key=${secret}`)],
  ["Console", Console.consoleWith((console) => Effect.sync(() => console.unsafe.warn(secret)))],
  ["Span.name", Effect.withSpan(Effect.void, `request ${secret}`)],
  ["Span.attributes", Effect.withSpan(Effect.void, "request", { attributes: { key: secret } })],
  ["Span.attributes", Effect.withSpan(Effect.annotateCurrentSpan("key", { inside: secret }), "request")],
  ["Span.events", Effect.withSpan(event, "request")],
  [
    "Span.links",
    Effect.withSpan(
      Effect.withSpan(Effect.flatMap(Effect.currentSpan, (span) => Effect.linkSpanCurrent(span, { key: secret })), "b"),
      "a"
    )
  ],
  ["Span.status", Effect.ignore(Effect.withSpan(Effect.fail({ key: secret }), "request"))],
  ["Span.status", Effect.exit(Effect.withSpan(Effect.die(new Error(secret)), "request")).pipe(Effect.asVoid)],
  ["Metric", Metric.increment(Metric.counter("leaky", { description: counted })), counted],
  ["Metric", Metric.update(Metric.frequency("frequent"), counted), counted]
]

const printersOf = (leaks: ReadonlyArray<{ readonly printer: Printer }>) => leaks.map(({ printer }) => printer)

describe("leakProbe", () => {
  it.effect.each(planted)(
    "leakProbe finds what leaks by %s",
    ([printer, program, text = secret]) =>
      Effect.gen(function*() {
        const { leaks } = yield* leakProbe(program, [text])
        expect(leaks).toContainEqual({ printer, form: "plain" })
      })
  )

  it.effect.each(planted.slice(0, 5))(
    "only the printer %s finds what leaks by it alone",
    ([printer, program]) =>
      Effect.gen(function*() {
        const { leaks } = yield* leakProbe(program, [secret])
        expect(printersOf(leaks).filter((printer) => !printer.startsWith("Logger."))).toEqual([printer])
      })
  )

  it.effect.each([
    ["plain", secret.toUpperCase()],
    ["percent-encoded", encodeURIComponent(`key={${secret}}`).replaceAll("-", "%2D")],
    ["percent-encoded", [...secret].map((c) => `%${c.charCodeAt(0).toString(16)}`).join("")],
    ["percent-encoded", encodeURIComponent([...secret].map((c) => `%${c.charCodeAt(0).toString(16)}`).join(""))],
    ...["", "a", "ab", "abc"].flatMap((before) =>
      ["", "y", "yz"].map((after) => ["base64", Buffer.from(before + secret + after).toString("base64")])
    ),
    ["base64", Buffer.from(`??>${secret}`).toString("base64url")],
    ["hex", Buffer.from(secret).toString("hex")],
    ["hex", Buffer.from(secret).toString("hex").toUpperCase()],
    ["hex", [...Buffer.from(secret)].map((byte) => byte.toString(16)).join(":")],
    ["HTML", [...secret].map((c) => `&#${c.charCodeAt(0)};`).join("")],
    ["HTML", [...secret].map((c) => `&#x${c.charCodeAt(0).toString(16)};`).join("")],
    ["escaped", [...secret].map((c) => `\\u00${c.charCodeAt(0).toString(16)}`).join("")],
    ["bytes", `${Buffer.from(secret).toJSON().data}`]
  ])("leakProbe finds a %s secret", ([form, text]) =>
    Effect.gen(function*() {
      const { leaks } = yield* leakProbe(Effect.succeed(`before ${text} after`), [secret])
      expect(new Set(leaks.map((leak) => leak.form))).toEqual(new Set([form]))
    }))

  const hard = `it's "a" <b> & \\c + d/é`

  it.effect.each<[string, unknown]>([
    ["in JSON", JSON.stringify({ secret: hard })],
    ["in JSON in JSON", JSON.stringify({ text: JSON.stringify({ secret: hard }) })],
    ["in an object", { secret: hard }],
    ["in a form", new URLSearchParams({ secret: hard }).toString()],
    ["in a URL", `https://api.example/?secret=${encodeURIComponent(hard)}`],
    ["in a URL in JSON", JSON.stringify({ url: `https://api.example/?a=${encodeURIComponent(JSON.stringify(hard))}` })],
    [
      "in HTML",
      hard.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll("\"", "&quot;")
        .replaceAll("'", "&#39;")
    ],
    ["in base64 in a URL", encodeURIComponent(Buffer.from(hard).toString("base64"))]
  ])(
    "leakProbe finds a secret with quotes, backslashes, spaces and accents %s (C3)",
    ([, value]) =>
      Effect.gen(function*() {
        const { leaks } = yield* leakProbe(Effect.succeed(value), [hard])
        expect(printersOf(leaks)).toContain("inspect")
        expect((yield* leakProbe(Effect.log(value), [hard])).leaks).not.toStrictEqual([])
        expect((yield* leakProbe(Effect.succeed(value), [`${hard}!`])).leaks).toStrictEqual([])
      })
  )

  const base64 = (text: string) => Buffer.from(text).toString("base64")
  const base64url = (text: string) => Buffer.from(text).toString("base64url")
  const hex = (text: string) => Buffer.from(text).toString("hex")
  const special = "hunter2/Secr+et=value é"

  it.effect.each<[string, string, (secret: string) => unknown]>([
    ["base64 in base64", "base64", (secret) => base64(base64(secret))],
    ["hex in base64", "base64", (secret) => base64(hex(secret))],
    ["base64 in hex", "hex", (secret) => hex(base64(secret))],
    ["hex in hex", "hex", (secret) => hex(hex(secret))],
    ["hex in base64 in a URL", "base64", (secret) => encodeURIComponent(base64(hex(secret)))],
    ["base64 in base64url", "base64", (secret) => base64url(base64(secret))],
    ["base64 in base64, each with a prefix", "base64", (secret) => base64(`id:${base64(`c:${secret}`)}`)],
    ["base64 in base64 in base64", "base64", (secret) => base64(base64(base64(secret)))],
    ["base64 behind a word", "base64", (secret) => `key_${base64(base64(secret))}`],
    ["JSON in base64 in base64", "base64", (secret) => base64(base64(JSON.stringify({ secret })))],
    ["a part of a URL in base64", "base64", (secret) => base64(`client:${encodeURIComponent(secret)}`)],
    ["HTML in a URL in base64", "base64", (secret) => base64(encodeURIComponent(secret.replaceAll("/", "&#47;")))],
    ["base64 in lines", "base64", (secret) => base64("p".repeat(50) + secret).replace(/.{40}/g, "$&\n")],
    ["base64 in lines of mail", "base64", (secret) => base64(base64(secret)).replace(/.{30}/g, "$&\r\n ")],
    ["UTF-16", "hex", (secret) => Buffer.from(secret, "utf16le")],
    ["UTF-16 in base64", "base64", (secret) => Buffer.from(`a${secret}`, "utf16le").toString("base64")],
    ["UTF-16, the high bytes first", "hex", (secret) => Buffer.from(secret, "utf16le").swap16()],
    ["UTF-16 in an array of bytes", "bytes", (secret) => [...Buffer.from(secret, "utf16le")]]
  ])("leakProbe finds a secret in %s (C3)", ([, form, encode]) =>
    Effect.gen(function*() {
      for (const text of [secret, special]) {
        const { leaks } = yield* leakProbe(Effect.log(encode(text)), [text])
        expect(new Set(leaks.map(({ form }) => form))).toContain(form)
        expect((yield* leakProbe(Effect.log(encode(text)), [`${text}!`])).leaks).toStrictEqual([])
      }
    }))

  it.effect.each<readonly [string, (token: string) => unknown]>([
    ["plain", (token) => token],
    ["hex", (token) => Buffer.from(token).toString("hex")],
    ["bytes", (token) => [...Buffer.from(token)]],
    ["base64", (token) => Buffer.from(token).toString("base64")]
  ])(
    "leakProbe finds a token of 2 kB in the form %s, and not one that begins alike (C3)",
    ([form, encoded]) =>
      Effect.gen(function*() {
        const token = `eyJhbGciOiJSUzI1NiJ9.${"a".repeat(2_000)}.swordfish`
        const { leaks } = yield* leakProbe(Effect.succeed(encoded(token)), [token])
        expect(leaks.length).toBeGreaterThan(0)
        expect(new Set(leaks.map((leak) => leak.form))).toStrictEqual(new Set([form]))
        const other = yield* leakProbe(Effect.succeed(encoded(token.replace("fish", "dish"))), [token])
        expect(other.leaks).toStrictEqual([])
      })
  )

  it.effect.each<[string, (bytes: ReadonlyArray<number>) => unknown]>([
    ["a list", (bytes) => bytes.slice(-200)],
    ["an object with keys", (bytes) => JSON.stringify({ ...bytes.slice(-200) })],
    ["a text behind a letter", (bytes) => `u${bytes.slice(-200).join(",")}`]
  ])(
    "leakProbe finds the end of a token of 2 kB in bytes that were cut off, in %s (C3)",
    ([, cut]) =>
      Effect.gen(function*() {
        const token = `eyJhbGciOiJSUzI1NiJ9.${"a".repeat(2_000)}.swordfish`
        const { leaks } = yield* leakProbe(Effect.succeed(cut([...Buffer.from(token)])), [token])
        expect(leaks.map((leak) => leak.form)).toContain("bytes")
      })
  )

  /** How many seconds of this process's processors an effect takes. Other processes do not add to them. */
  const secondsOf = <A>(effect: Effect.Effect<A>) =>
    Effect.suspend(() => {
      const before = process.cpuUsage()
      return Effect.map(effect, (value) => {
        const { system, user } = process.cpuUsage(before)
        return { value, seconds: (system + user) / 1e6 }
      })
    })

  it.effect("leakProbe searches texts in base64 of several megabytes in a few seconds (C3)", () =>
    Effect.gen(function*() {
      const long = base64(base64(base64("A".repeat(300_000))))
      const { seconds, value } = yield* secondsOf(leakProbe(Console.log(long, hex(long)), [secret]))
      expect(value.leaks).toStrictEqual([])
      expect(seconds).toBeLessThan(20)
    }))

  it.effect("leakProbe looks through 20,000 objects in a few seconds (C3)", () =>
    Effect.gen(function*() {
      const rows = Array.from({ length: 20_000 }, (_, id) => ({ id, name: `user ${id}` }))
      const { seconds, value } = yield* secondsOf(leakProbe(Effect.succeed([...rows, { key: secret }]), [secret]))
      expect(value.leaks.length).toBeGreaterThan(0)
      expect(seconds).toBeLessThan(10)
    }))

  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  it.effect.each([
    ["is revoked", proxy],
    [
      "throws",
      new Proxy({}, {
        getPrototypeOf: () => {
          throw new Error("no prototype")
        }
      })
    ]
  ])("leakProbe and linesShowing do not fail for a proxy that %s (C3)", ([, value]) =>
    Effect.gen(function*() {
      const spanned = Effect.withSpan(Effect.succeed(value), "span", { attributes: { value } })
      expect((yield* leakProbe(spanned, [secret])).exit._tag).toBe("Success")
      expect(linesShowing(secret, value)).toStrictEqual([])
    }))

  it("linesShowing finds each line that a pattern with the flag g matches (C3)", () => {
    const value = new Error(`${secret}\n${secret}`)
    expect(linesShowing(new RegExp(secret, "g"), value).length).toBe(linesShowing(secret, value).length)
  })

  const { console, process } = globalThis

  it.effect.each<[Printer, string, () => unknown]>([
    ["globalThis.console", "log", () => console.log(secret)],
    ["globalThis.console", "error", () => console.error(new Error(secret))],
    ["globalThis.console", "dir", () => console.dir({ a: { b: { c: { d: { e: secret } } } } })],
    ["globalThis.console", "log, of a function", () => console.log(Object.assign(() => 1, { key: secret }))],
    ["process.stdout", "write", () => process.stdout.write(secret)],
    ["process.stderr", "write, of bytes", () => process.stderr.write(Buffer.from(secret))],
    ["process.emitWarning", "a text", () => process.emitWarning(secret)]
  ])("leakProbe finds what an effect gives to %s: %s (C3)", ([printer, , print]) =>
    Effect.gen(function*() {
      const { leaks } = yield* leakProbe(Effect.sync(print), [secret])
      expect(printersOf(leaks)).toContain(printer)
      const later = yield* leakProbe(Effect.promise(async () => print()), [secret])
      expect(printersOf(later.leaks)).toContain(printer)
    }))

  it.effect("leakProbe finds a secret on a property of a function (C3)", () =>
    Effect.gen(function*() {
      const { leaks } = yield* leakProbe(Effect.log(Object.assign(() => 1, { key: secret })), [secret])
      expect(leaks).not.toStrictEqual([])
    }))

  it.effect("leakProbe passes on what goes to the global console, and gives it back, also if it is interrupted", () =>
    Effect.gen(function*() {
      const original = console.log
      const lines: Array<unknown> = []
      const log = (line: unknown) => void lines.push(line)
      console.log = log
      const write = process.stdout.write
      yield* Effect.gen(function*() {
        const started = yield* Deferred.make<true>()
        const endless = Effect.zipRight(Deferred.succeed(started, true), Effect.never)
        const first = yield* Effect.fork(leakProbe(endless, [secret]))
        yield* Deferred.await(started)
        expect(console.log).not.toBe(log)
        const second = yield* leakProbe(Effect.sync(() => console.log("to the console")), [secret])
        expect(Exit.isSuccess(second.exit)).toBe(true)
        expect(lines).toEqual(["to the console"])
        yield* Fiber.interrupt(first)
        expect(console.log).toBe(log)
        expect(process.stdout.write).toBe(write)
      }).pipe(Effect.ensuring(Effect.sync(() => void (console.log = original))))
    }))

  it.effect("leakProbe does not take what another probe's effect prints for its own (C3)", () =>
    Effect.gen(function*() {
      const [other, own] = yield* Effect.all([
        leakProbe(Effect.zipRight(Effect.yieldNow(), Effect.yieldNow()), [secret]),
        leakProbe(Effect.sync(() => console.log(secret)), [secret])
      ], { concurrency: "unbounded" })
      expect(other.leaks).toStrictEqual([])
      expect(printersOf(own.leaks)).toContain("globalThis.console")
    }))

  it.effect.each<[string, (name: string) => Effect.Effect<void>]>([
    ["counter", (name) => Metric.increment(Metric.counter(name))],
    ["gauge", (name) => Metric.incrementBy(Metric.gauge(name), 1)],
    ["frequency", (name) => Metric.update(Metric.frequency(name), "word")],
    ["histogram", (name) => Metric.update(Metric.histogram(name, MetricBoundaries.fromIterable([1])), 2)],
    [
      "summary",
      (name) => Metric.update(Metric.summary({ name, maxAge: "1 hour", maxSize: 9, error: 0.1, quantiles: [0.5] }), 2)
    ]
  ])(
    "leakProbe reports no %s that its effect has not changed, and linesShowing none at all (C3)",
    ([kind, update]) =>
      Effect.gen(function*() {
        const text = `2e2e2e2e-937e-4946-bdb5-0814b603334d ${kind}`
        yield* update(text)
        expect((yield* leakProbe(Effect.log("hello"), [text])).leaks).toStrictEqual([])
        expect(linesShowing(text, new Error("hello"))).toStrictEqual([])
        expect((yield* leakProbe(update(text), [text])).leaks).toStrictEqual([{ printer: "Metric", form: "plain" }])
      })
  )

  /** A value that only `inspect` prints: JSON has nothing of a `Map`. */
  const inMap = (value: unknown) => new Map([["key", value]])
  const deep = (levels: number): unknown => levels === 0 ? secret : inMap(deep(levels - 1))

  it.effect.each<[string, unknown]>([
    ["a Uint8Array", new TextEncoder().encode(secret)],
    ["a Buffer", Buffer.from(`Bearer ${secret}`)],
    ["a long Buffer", inMap(Buffer.from(" ".repeat(1000) + secret))],
    ["a DataView", inMap(new DataView(new TextEncoder().encode(secret).buffer))],
    ["an ArrayBuffer", inMap(new TextEncoder().encode(" ".repeat(1000) + secret).buffer)],
    ["the 101st element of an array", inMap([...Array.from({ length: 100 }, () => 0), secret])],
    ["the 101st element of a Set", new Set([...Array(100).keys(), secret])],
    ["the end of a long string", inMap(" ".repeat(20_000) + secret)],
    ["a string of several lines", inMap(`${"line\n".repeat(50)}${secret}`)],
    ["the 12th level of an object", deep(12)],
    ["the 200th level of an object", deep(200)],
    ["the message of an error at the 12th level", Array(12).fill(0).reduce<unknown>(inMap, new Error(secret))]
  ])("leakProbe finds a secret in %s (C3)", ([, value]) =>
    Effect.gen(function*() {
      const { leaks } = yield* leakProbe(Effect.succeed(value), [secret])
      expect(printersOf(leaks)).toContain("inspect")
      const logged = yield* leakProbe(Effect.zipRight(Console.log(value), Effect.log(value)), [secret])
      expect(printersOf(logged.leaks)).toContain("Console")
    }))

  it.effect("leakProbe finds a secret of several lines (C3)", () =>
    Effect.gen(function*() {
      const key = "-----BEGIN KEY-----\nc3dvcmRmaXNo\n-----END KEY-----"
      const { leaks } = yield* leakProbe(Effect.succeed(inMap(key)), [key])
      expect(printersOf(leaks)).toContain("inspect")
    }))

  it.effect("leakProbe finds what a daemon logs, traces and prints after the effect has ended (C3)", () =>
    Effect.gen(function*() {
      const later = Effect.logInfo(secret).pipe(
        Effect.zipRight(Console.log(secret)),
        Effect.withSpan(secret),
        Effect.delay("1 minute")
      )
      const { exit, leaks } = yield* leakProbe(Effect.forkDaemon(later), [secret])
      expect(Exit.isSuccess(exit)).toBe(true)
      expect(leaks).toStrictEqual([])
      yield* TestClock.adjust("1 minute")
      expect(printersOf(leaks)).toEqual(expect.arrayContaining([...loggers, "Console", "Span.name"]))
    }))

  it.effect("leakProbe looks no deeper into an object that hides itself, and ends for a value without an end", () =>
    Effect.gen(function*() {
      const hidden = { toJSON: () => "hidden", [inspect.custom]: () => "hidden", toString: () => "hidden", secret }
      const endless = (): object => ({ [inspect.custom]: endless, toJSON: () => "endless" })
      const { leaks } = yield* leakProbe(Effect.succeed([inMap(hidden), endless()]), [secret])
      expect(leaks).toStrictEqual([])
    }))

  it.effect("leakProbe finds any of several secrets, also one in a Redacted, and reports each leak once", () =>
    Effect.gen(function*() {
      const { leaks } = yield* leakProbe(
        Effect.zipRight(Console.log(secret), Console.log(`${secret} hunter2`)),
        ["swordfish", Redacted.make("hunter2"), secret]
      )
      expect(leaks).toEqual([{ printer: "Console", form: "plain" }])
    }))

  it.effect("leakProbe finds no leak in a Redacted or in a part of the secret", () =>
    Effect.gen(function*() {
      const value = { secret: Redacted.make(secret), near: secret.slice(1) }
      const program = Effect.log("working").pipe(Effect.zipRight(Effect.fail(value)), Effect.withSpan("work"))
      const { exit, leaks } = yield* leakProbe(program, [secret])
      expect(leaks).toEqual([])
      expect(Exit.isFailure(exit) && Cause.failureOption(exit.cause)).toEqual(expect.objectContaining({ value }))
    }))

  it.effect("leakProbe survives values that cannot be printed: cycles, big integers and throwing properties", () =>
    Effect.gen(function*() {
      const cycle: { self?: unknown; size: bigint } = { size: 1n }
      cycle.self = cycle
      const throwing = {
        get secret() {
          throw new Error("no")
        }
      }
      const { exit, leaks } = yield* leakProbe(Effect.succeed([cycle, throwing, Object.create(null)]), [secret])
      expect(Exit.isSuccess(exit)).toBe(true)
      expect(leaks).toEqual([])
    }))

  it.effect("leakProbe prints nothing while it runs, and can be interrupted", () =>
    Effect.gen(function*() {
      const lines: Array<unknown> = []
      yield* Console.consoleWith((console) =>
        leakProbe(Effect.zipRight(Console.log("to the console"), Effect.logError("to the log")), [secret]).pipe(
          Effect.withConsole({
            ...console,
            log: (line) => Effect.sync(() => lines.push(line)),
            unsafe: { ...console.unsafe, log: (line) => lines.push(line) }
          })
        )
      )
      expect(lines).toEqual([])
      const fiber = yield* Effect.fork(leakProbe(Effect.never, [secret]))
      yield* Effect.yieldNow()
      expect(Exit.isInterrupted(yield* Fiber.interrupt(fiber))).toBe(true)
    }))
})
