import * as Effect from "effect/Effect"
import * as Tracer from "effect/Tracer"

/** The spans of whatever runs `withTracer`, in the order in which they began. */
export const recordingSpans = Effect.map(Effect.tracer, (tracer) => {
  const spans: Array<Tracer.Span> = []
  const recorder = Tracer.make({
    ...tracer,
    span: (...args) => {
      const span = tracer.span(...args)
      spans.push(span)
      return span
    }
  })
  return { spans, withTracer: Effect.withTracer(recorder) }
})
