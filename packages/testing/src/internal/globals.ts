/*
 * Sees what is written past Effect: to the global console, and in Node to the streams and the warnings of the process.
 * The functions are replaced while anyone watches. They still do what they did.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"

export type Printer = "globalThis.console" | "process.stdout" | "process.stderr" | "process.emitWarning"

type Watcher = (printer: Printer, line: ReadonlyArray<unknown>) => void

const process = () => Reflect.get(globalThis, "process")

/** Where each printer is. A page has no process, or a part of one. */
const printers: ReadonlyArray<readonly [Printer, where: () => unknown, methods: ReadonlyArray<string>]> = [
  [
    "globalThis.console",
    () => globalThis.console,
    [
      "debug",
      "dir",
      "dirxml",
      "error",
      "group",
      "groupCollapsed",
      "info",
      "log",
      "table",
      "timeLog",
      "trace",
      "warn"
    ]
  ],
  ["process.stdout", () => process()?.stdout, ["write"]],
  ["process.stderr", () => process()?.stderr, ["write"]],
  ["process.emitWarning", process, ["emitWarning"]]
]

const watchers = new Set<Watcher>()

/** The probes that a fiber is part of. One probe may run inside another. */
const probes = FiberRef.unsafeMake<ReadonlyArray<Watcher>>([])

/**
 * Who is told what is printed now: the probes of the running fiber. What no such fiber prints, as the callback of a
 * promise, may be of any probe.
 */
const concerned = (): ReadonlyArray<Watcher> => {
  const own = Option.match(Fiber.getCurrentFiber(), {
    onNone: () => [],
    onSome: (fiber) => fiber.getFiberRef(probes)
  })
  return own.length > 0 ? own : [...watchers]
}

let isTelling = false

/** A value's own way to be printed may print, too: that is not told again. */
const tell = (printer: Printer, line: ReadonlyArray<unknown>): void => {
  if (isTelling) return
  isTelling = true
  try {
    for (const watcher of concerned()) {
      if (watchers.has(watcher)) watcher(printer, line)
    }
  } finally {
    isTelling = false
  }
}

/** Replaces a method, and returns what puts it back, unless someone else has replaced it since. */
const replace = (printer: Printer, owner: object, method: string): () => void => {
  const original: unknown = Reflect.get(owner, method)
  const own = Reflect.getOwnPropertyDescriptor(owner, method)
  if (typeof original !== "function" || own?.configurable === false) return () => {}
  const value = function(this: unknown, ...line: ReadonlyArray<unknown>): unknown {
    tell(printer, line)
    return Reflect.apply(original, this, line)
  }
  Object.defineProperty(owner, method, {
    configurable: true,
    enumerable: own?.enumerable ?? false,
    writable: true,
    value
  })
  return () => {
    if (Reflect.get(owner, method) !== value) return
    if (own === undefined) Reflect.deleteProperty(owner, method)
    else Object.defineProperty(owner, method, own)
  }
}

let restore: ReadonlyArray<() => void> = []

const start = (watcher: Watcher) =>
  Effect.sync(() => {
    if (watchers.size === 0) {
      restore = printers.flatMap(([printer, where, methods]) => {
        const owner = where()
        return Predicate.isObject(owner) ? methods.map((method) => replace(printer, owner, method)) : []
      })
    }
    watchers.add(watcher)
  })

const stop = (watcher: Watcher) =>
  Effect.sync(() => {
    watchers.delete(watcher)
    if (watchers.size === 0) { for (const each of restore) each() }
  })

/** Runs an effect, and calls a function with all that it writes past Effect until it ends. */
export const watch = <A, E, R>(effect: Effect.Effect<A, E, R>, watcher: Watcher): Effect.Effect<A, E, R> =>
  Effect.acquireUseRelease(
    start(watcher),
    () => Effect.locallyWith(effect, probes, (outer) => [...outer, watcher]),
    () => stop(watcher)
  )
