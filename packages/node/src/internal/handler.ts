/*
 * What undici tells of one request: a status and headers, then a body, which is kept as it arrives, no more than a
 * little ahead of who reads it. A short one is all there by the time that anyone looks, and reading it waits for
 * nothing (P3). A handler of the older kind, as undici's own: some dispatchers know no other.
 */
import * as Undici from "@effect/platform-node/Undici"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { constVoid } from "effect/Function"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { Readable } from "node:stream"

/** As undici gives them: those that came more than once as an array. */
type IncomingHeaders = Readonly<Record<string, string | Array<string> | undefined>>

/** So many bytes arrive unasked. */
const highWaterMark = 64 * 1024

const gone = new Cause.NoSuchElementException("the body has been read as a stream")

export class Handler implements Undici.Dispatcher.DispatchHandler {
  status = 0
  headers: IncomingHeaders = {}
  readonly #body: Undici.Dispatcher.DispatchOptions["body"]
  readonly #signal: AbortSignal
  /** Who waits: each is told of every change until it has heard enough. */
  #waiting: Array<() => boolean> = []
  #stop: (reason: Error) => void = constVoid
  #resume = constVoid
  #end: Exit.Exit<void, unknown> | undefined
  #chunks: Array<Uint8Array> = []
  #size = 0
  #wanted = highWaterMark
  #isStreamed = false

  constructor(body: Undici.Dispatcher.DispatchOptions["body"], signal: AbortSignal) {
    this.#body = body
    this.#signal = signal
    signal.addEventListener("abort", this.#abort)
  }

  /** Sends the request, and ends with the headers, or with undici's error. */
  begin(dispatcher: Undici.Dispatcher, options: Undici.Dispatcher.DispatchOptions): Effect.Effect<Handler, unknown> {
    const hasBegun = this.#until(() => this.status > 0 || this.#end !== undefined, () => {
      try {
        dispatcher.dispatch(options, this)
      } catch (cause) {
        this.#fail(cause)
      }
    })
    return Effect.flatMap(
      hasBegun,
      () => this.status > 0 ? Effect.succeed(this) : Effect.as(this.#end ?? Exit.void, this)
    )
  }

  #until(isEnough: () => boolean, begin: () => void): Effect.Effect<void> {
    return Effect.async((resume) => {
      this.#waiting.push(() => {
        if (!isEnough()) return false
        resume(Effect.void)
        return true
      })
      begin()
      this.#tell() // what came since it was found that there wasn't enough
    })
  }

  #tell(): void {
    const told = this.#waiting
    this.#waiting = []
    for (const hasHeardEnough of told) if (!hasHeardEnough()) this.#waiting.push(hasHeardEnough)
  }

  readonly #abort = (): void => this.#stop(new Error("the answer is no longer wanted"))

  /** A dispatcher that tries again by itself may have another connection by now. */
  #isWanted(): boolean {
    if (this.#signal.aborted) this.#abort()
    return !this.#signal.aborted
  }

  onConnect(abort: (reason?: Error) => void): void {
    this.#stop = abort
    this.#isWanted()
  }

  onHeaders(status: number, headers: Array<Buffer>, resume: () => void): boolean {
    if (status < 200) return true // said before the answer
    this.status = status
    this.headers = Undici.util.parseHeaders(headers)
    this.#resume = resume
    this.#tell()
    return true
  }

  /** Whether there may come more. */
  onData(chunk: Uint8Array): boolean {
    this.#chunks.push(chunk)
    this.#size += chunk.length
    this.#tell()
    return this.#isWanted() && this.#size < this.#wanted
  }

  onComplete(): void {
    this.#close(Exit.void)
  }

  onError(cause: unknown): void {
    this.#fail(cause)
  }

  #fail(cause: unknown): void {
    if (this.#body instanceof Readable) this.#body.destroy()
    this.#close(Exit.fail(cause))
  }

  /**
   * Lets go of undici, and makes the signal let go of this: an `AbortSignal` lives through many collections in Node 20,
   * and so does what hangs on it (P3).
   */
  #close(end: Exit.Exit<void, unknown>): void {
    this.#end = end
    this.#stop = constVoid
    this.#resume = constVoid
    this.#signal.removeEventListener("abort", this.#abort)
    this.#tell()
  }

  /** Waits for so many bytes, or for the end. */
  #arrival(wanted: number): Effect.Effect<void> {
    return this.#until(() => this.#size >= wanted || this.#end !== undefined, () => {
      this.#wanted = Math.max(wanted, highWaterMark)
      this.#resume()
    })
  }

  /** All of the body, and the same again for whoever asks again. */
  whole(): Effect.Effect<ArrayBuffer, unknown> {
    return Effect.suspend(() => {
      if (this.#isStreamed) return gone
      return this.#end === undefined
        ? Effect.zipRight(this.#arrival(Infinity), this.whole())
        : Effect.map(this.#end, () => new Uint8Array(Buffer.concat(this.#chunks)).buffer) // a buffer of its own
    })
  }

  #pull(): Effect.Effect<Chunk.Chunk<Uint8Array>, Option.Option<unknown>> {
    return Effect.suspend(() => {
      if (this.#size > 0) {
        const chunks = this.#chunks
        this.#chunks = []
        this.#size = 0
        return Effect.succeed(Chunk.unsafeFromArray(chunks))
      }
      return this.#end === undefined
        ? Effect.zipRight(this.#arrival(1), this.#pull())
        : Effect.zipRight(Effect.mapError(this.#end, Option.some), Effect.fail(Option.none()))
    })
  }

  /** The body chunk by chunk, once. Who stops before the end closes the socket. */
  stream(): Stream.Stream<Uint8Array, unknown> {
    return Stream.suspend(() => {
      if (this.#isStreamed) return Stream.fail(gone)
      this.#isStreamed = true
      return Stream.ensuring(Stream.repeatEffectChunkOption(this.#pull()), Effect.sync(this.#abort))
    })
  }
}
