/*
 * A response's body as undici hands it over: kept as it arrives, no more than a little ahead of who reads it. A short one is
 * all there by the time its response is looked at, and reading it waits for nothing (P3).
 */
import type * as Undici from "@effect/platform-node/Undici"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import { constVoid } from "effect/Function"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"

/** So many bytes arrive unasked. */
const highWaterMark = 64 * 1024

const aborted = new Error("the response is no longer wanted")

const concat = (chunks: ReadonlyArray<Uint8Array>, size: number): ArrayBuffer => {
  const all = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    all.set(chunk, at)
    at += chunk.length
  }
  return all.buffer
}

export class Incoming {
  readonly #controller: Undici.Dispatcher.DispatchController
  #chunks: Array<Uint8Array> = []
  #size = 0
  #wanted = highWaterMark
  #end: Exit.Exit<void, unknown> | undefined
  #isStreamed = false
  #onChange = constVoid

  constructor(controller: Undici.Dispatcher.DispatchController) {
    this.#controller = controller
  }

  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk)
    this.#size += chunk.length
    if (this.#size >= this.#wanted) this.#controller.pause()
    this.#onChange()
  }

  close(end: Exit.Exit<void, unknown>): void {
    this.#end = end
    this.#onChange()
  }

  /** Waits for so many bytes, or for the end. */
  #arrival(wanted: number): Effect.Effect<void> {
    return Effect.async((resume) => {
      this.#wanted = Math.max(wanted, highWaterMark)
      this.#onChange = () => {
        if (this.#end === undefined && this.#size < wanted) return
        this.#onChange = constVoid
        resume(Effect.void)
      }
      this.#controller.resume()
    })
  }

  /** All of it, and the same again for whoever asks again. */
  readonly whole: Effect.Effect<ArrayBuffer, unknown> = Effect.suspend(() => {
    if (this.#isStreamed) return Effect.fail(new Error("the body has been read as a stream"))
    return this.#end === undefined
      ? Effect.zipRight(this.#arrival(Infinity), this.whole)
      : Effect.map(this.#end, () => concat(this.#chunks, this.#size))
  })

  readonly #pull: Effect.Effect<Chunk.Chunk<Uint8Array>, Option.Option<unknown>> = Effect.suspend(() => {
    this.#isStreamed = true
    if (this.#size > 0) {
      const chunks = this.#chunks
      this.#chunks = []
      this.#size = 0
      return Effect.succeed(Chunk.unsafeFromArray(chunks))
    }
    return this.#end === undefined
      ? Effect.zipRight(this.#arrival(1), this.#pull)
      : Effect.zipRight(Effect.mapError(this.#end, Option.some), Effect.fail(Option.none()))
  })

  /** Chunk by chunk, once; who stops before the end closes the socket. */
  readonly stream: Stream.Stream<Uint8Array, unknown> = Stream.ensuring(
    Stream.repeatEffectChunkOption(this.#pull),
    Effect.sync(() => this.#controller.abort(aborted))
  )
}
