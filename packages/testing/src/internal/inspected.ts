/*
 * Everything that some printer might show of a value.
 */
import * as Encoding from "effect/Encoding"
import * as Predicate from "effect/Predicate"
import { inspect } from "node:util"

/** Nothing is cut off, neither an array, nor a string, nor a line. */
const whole = { showHidden: true, maxArrayLength: Infinity, maxStringLength: Infinity, breakLength: Infinity }

/** How many levels `inspect` prints at once. It repeats what it meets twice, so more could take forever. */
const depth = 10

/** How many objects are looked at, in a value that has no end. */
const maxObjects = 100_000

const custom = Symbol.for("nodejs.util.inspect.custom")

/** The result of a function that may throw, as a property of a proxy does. */
const attempt = <A>(f: () => A): A | undefined => {
  try {
    return f()
  } catch {
    return undefined
  }
}

/** The values inside an object, hidden ones included. Getters are not called. */
const childrenOf = (value: object): ReadonlyArray<unknown> => {
  const properties = Reflect.ownKeys(value).map((key) => Reflect.getOwnPropertyDescriptor(value, key)?.value)
  if (value instanceof Map) return [...properties, ...value.keys(), ...value.values()]
  return value instanceof Set ? [...properties, ...value] : properties
}

/**
 * What `inspect` does not show of a value: the bytes of a long buffer, and objects that are nested deeper. Each object
 * is looked at once. If it says itself how it is inspected, only that counts.
 */
const rest = (root: unknown): ReadonlyArray<string> => {
  const texts: Array<string> = []
  const seen = new Set<object>()
  const queue: Array<readonly [value: unknown, level: number]> = [[root, 0]]
  for (const [value, level] of queue) { // which grows meanwhile
    if (seen.size >= maxObjects) break
    if (!Predicate.isObject(value) || seen.has(value)) continue
    seen.add(value)
    if (ArrayBuffer.isView(value)) {
      texts.push(Encoding.encodeHex(new Uint8Array(value.buffer, value.byteOffset, value.byteLength)))
      continue
    }
    const print = attempt(() => Predicate.hasProperty(value, custom) ? value[custom] : undefined)
    if (typeof print === "function") {
      const printed: unknown = attempt(() => Reflect.apply(print, value, [depth, whole, inspect]))
      if (typeof printed === "string" && level > depth) texts.push(printed)
      queue.push([printed, level])
      continue
    }
    if (level > depth) texts.push(attempt(() => inspect(value, { ...whole, depth: 0 })) ?? "")
    for (const child of attempt(() => childrenOf(value)) ?? []) queue.push([child, level + 1])
  }
  return texts
}

/** A value as `inspect` prints it without an end, in one text. */
export const inspected = (value: unknown): string =>
  [attempt(() => inspect(value, { ...whole, depth })) ?? "", ...rest(value)].join("\n")
