import * as Effect from "effect/Effect"
import * as Tracer from "effect/Tracer"

/** The spans of whatever runs `withTracer`, in the order in which they began, and their events. */
export const recordingSpans = Effect.map(Effect.tracer, (tracer) => {
  const spans: Array<Tracer.Span> = []
  const events: Array<{ readonly span: Tracer.Span; readonly args: Parameters<Tracer.Span["event"]> }> = []
  const recorder = Tracer.make({
    ...tracer,
    span: (...args) => {
      const span = tracer.span(...args)
      spans.push(span)
      span.event = (...args) => events.push({ span, args })
      return span
    }
  })
  return { spans, events, withTracer: Effect.withTracer(recorder) }
})

const toThrow = (): never => {
  throw new Error("The tracer is broken.")
}

/** Where a tracer may throw: when it makes a span, or when a span is told something. */
export const placesToThrow = ["span", "event", "attribute", "addLinks", "end"] as const

/** A tracer that throws there. */
export const throwing = (place: typeof placesToThrow[number]) =>
  Effect.map(Effect.tracer, (tracer) =>
    Tracer.make({
      ...tracer,
      span: (...args) => place === "span" ? toThrow() : Object.assign(tracer.span(...args), { [place]: toThrow })
    }))
