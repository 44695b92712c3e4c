/*
 * Receives one response from undici: the status and the headers first, then the body. The body is buffered as it
 * arrives, but only a little ahead of its reader. A short body is complete before it is read, so that reading it waits
 * for nothing (P3). The class implements undici's older handler interface, because some dispatchers support no other.
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

/** Headers as undici parses them: a header that came more than once is an array. */
type IncomingHeaders = Readonly<Record<string, string | Array<string> | undefined>>

/** How many bytes are buffered before the reader asks for them. Beyond that, undici is paused. */
const highWaterMark = 64 * 1024

const alreadyStreamed = new Cause.NoSuchElementException("the body has been read as a stream")

/** A fiber that waits for a change of the handler. */
interface Waiter {
  readonly isReady: () => boolean
  readonly wake: () => void
}

export class Handler implements Undici.Dispatcher.DispatchHandler {
  /** The status of the response; 0 before its headers have arrived. */
  status = 0
  headers: IncomingHeaders = {}
  readonly #requestBody: Undici.Dispatcher.DispatchOptions["body"]
  readonly #signal: AbortSignal
  #waiters: Array<Waiter> = []
  /** Closes the connection on which undici sends the request or receives the response. */
  #abort: (reason: Error) => void = constVoid
  /** Makes undici read on after `onData` has paused it. */
  #resume = constVoid
  /** How the response ended; `undefined` while more of it may come. */
  #end: Exit.Exit<void, unknown> | undefined
  /** The bytes of the body that have arrived and that no stream has taken yet. */
  #chunks: Array<Uint8Array> = []
  /** The length of `#chunks`, in bytes. */
  #buffered = 0
  /** How many bytes are buffered before undici is paused. */
  #limit = highWaterMark
  #isStreamed = false

  constructor(requestBody: Undici.Dispatcher.DispatchOptions["body"], signal: AbortSignal) {
    this.#requestBody = requestBody
    this.#signal = signal
    signal.addEventListener("abort", this.#cancel)
  }

  /** Sends the request. Succeeds when the headers have arrived, and fails with undici's error. */
  dispatch(
    dispatcher: Undici.Dispatcher,
    options: Undici.Dispatcher.DispatchOptions
  ): Effect.Effect<Handler, unknown> {
    const headersOrEnd = this.#waitUntil(() => this.status > 0 || this.#end !== undefined, () => {
      try {
        dispatcher.dispatch(options, this)
      } catch (cause) {
        this.#fail(cause)
      }
    })
    return Effect.flatMap(
      headersOrEnd,
      () => this.status > 0 || this.#end === undefined ? Effect.succeed(this) : Effect.as(this.#end, this)
    )
  }

  /** Runs `start`, which causes the change that is waited for, and waits until `isReady`. */
  #waitUntil(isReady: () => boolean, start: () => void): Effect.Effect<void> {
    return Effect.async((resume) => {
      this.#waiters.push({ isReady, wake: () => resume(Effect.void) })
      start()
      this.#notify() // the change may have come before the waiter was there
    })
  }

  #notify(): void {
    const waiters = this.#waiters
    this.#waiters = []
    for (const waiter of waiters) {
      if (waiter.isReady()) waiter.wake()
      else this.#waiters.push(waiter)
    }
  }

  readonly #cancel = (): void => this.#abort(new Error("the response is no longer needed"))

  /** A dispatcher that retries by itself may have opened another connection after the signal was aborted. */
  #cancelIfAborted(): void {
    if (this.#signal.aborted) this.#cancel()
  }

  onConnect(abort: (reason?: Error) => void): void {
    this.#abort = abort
    this.#cancelIfAborted()
  }

  onHeaders(status: number, headers: Array<Buffer>, resume: () => void): boolean {
    if (status < 200) return true // an informational response comes before the final one
    this.status = status
    this.headers = Undici.util.parseHeaders(headers)
    this.#resume = resume
    this.#notify()
    return true
  }

  /** Returns whether undici may read on. */
  onData(chunk: Uint8Array): boolean {
    this.#chunks.push(chunk)
    this.#buffered += chunk.length
    this.#notify()
    this.#cancelIfAborted()
    return !this.#signal.aborted && this.#buffered < this.#limit
  }

  onComplete(): void {
    this.#close(Exit.void)
  }

  onError(cause: unknown): void {
    this.#fail(cause)
  }

  #fail(cause: unknown): void {
    if (this.#requestBody instanceof Readable) this.#requestBody.destroy()
    this.#close(Exit.fail(cause))
  }

  /**
   * Drops every reference to undici, and the signal's reference to this handler: in Node 20 an `AbortSignal` survives
   * many garbage collections, and keeps alive whatever listens to it (P3).
   */
  #close(end: Exit.Exit<void, unknown>): void {
    this.#end = end
    this.#abort = constVoid
    this.#resume = constVoid
    this.#signal.removeEventListener("abort", this.#cancel)
    this.#notify()
  }

  /** Waits until this many bytes are buffered, or until the response ends. */
  #waitForBytes(count: number): Effect.Effect<void> {
    return this.#waitUntil(() => this.#buffered >= count || this.#end !== undefined, () => {
      this.#limit = Math.max(count, highWaterMark)
      this.#resume()
    })
  }

  /** The whole body, as a copy, because Node's buffers share memory. It can be read often, unless it is streamed. */
  readAll(): Effect.Effect<ArrayBuffer, unknown> {
    return Effect.suspend(() => {
      if (this.#isStreamed) return alreadyStreamed
      return this.#end === undefined
        ? Effect.zipRight(this.#waitForBytes(Infinity), this.readAll())
        : Effect.map(this.#end, () => new Uint8Array(Buffer.concat(this.#chunks)).buffer)
    })
  }

  /** Takes what is buffered, or waits for it. Fails with `None` at the end of the body. */
  #takeChunks(): Effect.Effect<Chunk.Chunk<Uint8Array>, Option.Option<unknown>> {
    return Effect.suspend(() => {
      if (this.#buffered > 0) {
        const chunks = this.#chunks
        this.#chunks = []
        this.#buffered = 0
        return Effect.succeed(Chunk.unsafeFromArray(chunks))
      }
      return this.#end === undefined
        ? Effect.zipRight(this.#waitForBytes(1), this.#takeChunks())
        : Effect.zipRight(Effect.mapError(this.#end, Option.some), Effect.fail(Option.none()))
    })
  }

  /** The body, chunk by chunk. It can be streamed once. A reader that stops before the end closes the socket. */
  stream(): Stream.Stream<Uint8Array, unknown> {
    return Stream.suspend(() => {
      if (this.#isStreamed) return Stream.fail(alreadyStreamed)
      this.#isStreamed = true
      return Stream.ensuring(Stream.repeatEffectChunkOption(this.#takeChunks()), Effect.sync(this.#cancel))
    })
  }
}
