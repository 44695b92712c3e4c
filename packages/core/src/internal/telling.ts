/*
 * Telling an operator what happens. A tracer or a logger that throws must lose no result: neither a token nor an error.
 */
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Tracer from "effect/Tracer"

/** Tells something, or nothing if that throws. */
export const quietly = (tell: () => void): void => {
  try {
    tell()
  } catch {
    // There is nobody to tell.
  }
}

/** The same for what an Effect tells, as a log line. */
export const quiet = <E, R>(tell: Effect.Effect<void, E, R>): Effect.Effect<void, E, R> =>
  Effect.catchAllDefect(tell, () => Effect.void)

/** Adds attributes to a span. As options of the span, Effect adds them where nothing catches what a tracer throws. */
export const annotate = (span: Tracer.Span, attributes: Readonly<Record<string, unknown>>): void =>
  quietly(() => {
    for (const [name, value] of Object.entries(attributes)) span.attribute(name, value)
  })

/**
 * Runs an Effect in a span of its own. If the tracer makes no span, it runs without one; if the tracer does not end the
 * span, its result is the same.
 */
export const inSpan = <A, E>(
  name: string,
  options: Tracer.SpanOptions,
  use: (span: Tracer.Span) => Effect.Effect<A, E>
): Effect.Effect<A, E> =>
  Effect.suspend(() => {
    let result: Exit.Exit<A, E> | undefined
    // Not `Effect.fn`, whose stack traces cost as much as the rest of the span.
    const run = Effect.useSpan(name, { ...options, captureStackTrace: false }, (span) => {
      const used = Effect.suspend(() => use(span))
      return Effect.onExit(Effect.withParentSpan(used, span), (exit) => Effect.sync(() => result = exit))
    })
    return Effect.catchAllDefect(run, () => result ?? Effect.withTracerEnabled(run, false))
  })
