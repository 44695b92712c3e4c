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

/** A tracer whose spans end, and throw whatever else they are told. */
export const throwing = Effect.map(Effect.tracer, (tracer) =>
  Tracer.make({
    ...tracer,
    span: (...args) => {
      const span = tracer.span(...args)
      span.event = span.attribute = () => {
        throw new Error("The tracer is broken.")
      }
      return span
    }
  }))
