/*
 * Records everything that an effect prints, traces and counts, as texts. Each text has the name of what printed it.
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Hash from "effect/Hash"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Metric from "effect/Metric"
import * as MetricState from "effect/MetricState"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Record from "effect/Record"
import * as Tracer from "effect/Tracer"
import { format } from "node:util"
import * as Globals from "./globals.js"
import { inspected } from "./inspected.js"

const { jsonLogger, logfmtLogger, prettyLogger, stringLogger, structuredLogger } = Logger

const loggers = {
  stringLogger,
  jsonLogger,
  logfmtLogger,
  structuredLogger,
  prettyLogger: prettyLogger({ colors: false, mode: "tty" })
}

export type Printer =
  | "message"
  | "toString"
  | "JSON.stringify"
  | "inspect"
  | "Cause.pretty"
  | `Logger.${keyof typeof loggers}`
  | "Console"
  | "Span.name"
  | "Span.attributes"
  | "Span.events"
  | "Span.links"
  | "Span.status"
  | "Metric"
  | Globals.Printer

export interface Printed {
  readonly printer: Printer
  readonly text: string
}

type Print = (printer: Printer, ...texts: ReadonlyArray<string>) => void

/** The printed text, or nothing: a value that cannot be printed does not leak. */
const printOrEmpty = (print: () => unknown): string => {
  try {
    return String(print())
  } catch {
    return ""
  }
}

/** A value, as each printer of single values prints it. */
const renderValue = (value: unknown): ReadonlyArray<Printed> => [
  { printer: "message", text: printOrEmpty(() => value instanceof Error ? value.message : "") },
  { printer: "toString", text: printOrEmpty(() => value) },
  { printer: "JSON.stringify", text: printOrEmpty(() => JSON.stringify(value)) },
  { printer: "inspect", text: inspected(value) }
]

const pretty = <E>(cause: Cause.Cause<E>): string => printOrEmpty(() => Cause.pretty(cause, { renderErrorCause: true }))

/** What an effect ended with: its value, or each of its failures and defects. */
const endValues = (exit: Exit.Exit<unknown, unknown>): ReadonlyArray<unknown> =>
  Exit.match(exit, {
    onFailure: (
      cause
    ) => [...Chunk.toReadonlyArray(Cause.failures(cause)), ...Chunk.toReadonlyArray(Cause.defects(cause))],
    onSuccess: (value) => [value]
  })

const renderExit = (exit: Exit.Exit<unknown, unknown>): ReadonlyArray<Printed> => [
  ...endValues(exit).flatMap(renderValue),
  { printer: "Cause.pretty", text: Exit.isFailure(exit) ? pretty(exit.cause) : "" }
]

/** The texts of values that go to an exporter. It may print them in any way, so each way counts. */
const renderTexts = (...values: ReadonlyArray<unknown>): ReadonlyArray<string> =>
  values.flatMap(renderValue).map(({ text }) => text)

/** Effect compares what it logs by its hash, which some proxies do not have. */
const isLoggable = (value: unknown): boolean => Option.isSome(Option.liftThrowable(Hash.hash)(value))

const recordingConsole = (console: Console.Console, write: (...line: ReadonlyArray<unknown>) => void) => {
  const writeEffect = (...line: ReadonlyArray<unknown>) => Effect.sync(() => write(...line))
  const unsafe = { debug: write, dir: write, dirxml: write, error: write, info: write, log: write, table: write }
  const safe = { debug: writeEffect, dir: writeEffect, dirxml: writeEffect, error: writeEffect, info: writeEffect }
  return {
    ...console,
    ...safe,
    group: writeEffect,
    log: writeEffect,
    table: writeEffect,
    trace: writeEffect,
    warn: writeEffect,
    unsafe: { ...console.unsafe, ...unsafe, group: write, groupCollapsed: write, trace: write, warn: write }
  }
}

const recordingSpan = (span: Tracer.Span, print: Print): Tracer.Span => {
  const { addLinks, attribute, end, event } = span
  return Object.assign(span, {
    addLinks: (links: ReadonlyArray<Tracer.SpanLink>) => {
      print("Span.links", ...renderTexts(...links.map((link) => link.attributes)))
      addLinks.call(span, links)
    },
    attribute: (key: string, value: unknown) => {
      print("Span.attributes", ...renderTexts(key, value))
      attribute.call(span, key, value)
    },
    end: (time: bigint, exit: Exit.Exit<unknown, unknown>) => {
      print("Span.status", ...renderExit(exit).map(({ text }) => text))
      end.call(span, time, exit)
    },
    event: (name: string, time: bigint, attributes?: Record<string, unknown>) => {
      print("Span.events", ...renderTexts(name, attributes))
      event.call(span, name, time, attributes)
    }
  })
}

const recordingTracer = (tracer: Tracer.Tracer, print: Print): Tracer.Tracer =>
  Tracer.make({
    context: (execute, fiber) => tracer.context(execute, fiber),
    span: (name, parent, context, links, time, kind, options) => {
      print("Span.name", name)
      print("Span.links", ...renderTexts(...links.map((link) => link.attributes)))
      return recordingSpan(tracer.span(name, parent, context, links, time, kind, options), print)
    }
  })

/** A line of a console, which may be one that cuts nothing off. */
const renderLine = (line: ReadonlyArray<unknown>): ReadonlyArray<string> => [
  printOrEmpty(() => format(...line)),
  ...line.filter((value) => typeof value === "object" || typeof value === "function").map(inspected)
]

/**
 * Runs an effect to its end, and calls a function with everything that it prints by way of Effect, also after its end:
 * by a daemon, for example. None of it reaches the real console.
 */
export const recordOwn = Effect.fnUntraced(function*<A, E, R>(
  effect: Effect.Effect<A, E, R>,
  onPrint: (printed: Printed) => void
) {
  const print: Print = (printer, ...texts) => {
    for (const text of texts) onPrint({ printer, text })
  }
  // The pretty logger writes to the console instead of returning a text, so a line of the console may be the logger's.
  let writer: Printer = "Console"
  const logger = Logger.make((options) => {
    for (const [name, logger] of Record.toEntries(loggers)) {
      writer = `Logger.${name}`
      print(
        writer,
        printOrEmpty(() => {
          const line = logger.log(options)
          return typeof line === "string" ? line : inspected(line)
        })
      )
      writer = "Console"
    }
    // Effect's loggers print the source of a function, but another logger may print its properties, too.
    for (const value of Arr.ensure(options.message)) {
      if (typeof value === "function") print("inspect", inspected(value))
    }
  })
  const tracer = yield* Effect.tracer
  const console = yield* Console.consoleWith(Effect.succeed)
  const recorded = <A2, E2, R2>(effect: Effect.Effect<A2, E2, R2>) =>
    effect.pipe(
      Effect.withTracer(recordingTracer(tracer, print)),
      Effect.withConsole(recordingConsole(console, (...line) => print(writer, ...renderLine(line)))),
      Effect.provide(
        Layer.merge(Logger.replace(Logger.defaultLogger, logger), Logger.minimumLogLevel(LogLevel.All))
      )
    )

  const exit = yield* Effect.exit(recorded(effect))
  for (const { printer, text } of renderExit(exit)) print(printer, text)
  for (const value of endValues(exit).filter(isLoggable)) {
    yield* recorded(Effect.annotateLogs(Effect.logError("ended with", value), { value }))
  }
  if (Exit.isFailure(exit)) yield* recorded(Effect.logError("failed", exit.cause))
  return exit
})

/** What changes with every update of a metric, but for one that leaves a counter or a gauge as it is. */
const markOf = (state: MetricState.MetricState.Untyped): unknown => {
  if (MetricState.isGaugeState(state)) return state.value
  if (MetricState.isFrequencyState(state)) return [...state.occurrences.values()].reduce((sum, n) => sum + n, 0)
  return Predicate.hasProperty(state, "count") ? state.count : state
}

/** The metrics of the process and their marks as they are now. To print them all takes longer than most probes. */
const metrics = Effect.map(
  Metric.snapshot,
  (pairs) => new Map(pairs.map((pair) => [pair.metricKey, { pair, mark: markOf(pair.metricState) }]))
)

/**
 * Records also what an effect writes past Effect until it ends, and the metrics that have changed meanwhile: all others
 * are of what the process did before.
 */
export const record = Effect.fnUntraced(function*<A, E, R>(
  effect: Effect.Effect<A, E, R>,
  onPrint: (printed: Printed) => void
) {
  const before = yield* metrics
  const watched = Globals.watch(effect, (printer, line) => {
    for (const text of renderLine(line)) onPrint({ printer, text })
  })
  const exit = yield* recordOwn(watched, onPrint)
  for (const [key, { mark, pair }] of yield* metrics) {
    if (mark !== before.get(key)?.mark) onPrint({ printer: "Metric", text: inspected(pair) })
  }
  return exit
})
