import * as Effect from "effect/Effect"
import * as Tracer from "effect/Tracer"

/** A tracer whose spans throw at their end. */
export const throwingTracer = Effect.map(Effect.tracer, (native) =>
  Tracer.make({
    span: (...args) =>
      Object.assign(native.span(...args), {
        end: () => {
          throw new Error("no end")
        }
      }),
    context: (run) => run()
  }))
