/*
 * The HTTP client of the token request: a form out, a short JSON in. It collects the response in the handler that
 * undici calls, and answers with the whole of it. The client of platform-node serves every other request; for this one
 * it needs a stream and two promises more, and a quarter more CPU time (P3).
 */
import * as Undici from "@effect/platform-node/Undici"
import * as Cookies from "@effect/platform/Cookies"
import * as Headers from "@effect/platform/Headers"
import * as HttpClient from "@effect/platform/HttpClient"
import { RequestError, ResponseError } from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as HttpIncomingMessage from "@effect/platform/HttpIncomingMessage"
import * as UrlParams from "@effect/platform/UrlParams"
import * as Effect from "effect/Effect"
import { constVoid } from "effect/Function"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { print } from "./print.js"
import { ProxyAuthenticationError } from "./tunnels.js"

/** How much of a body `core` reads (E5). A client that has more stops there, and `core` sees that it is too much. */
const maxBytes = 256 * 1024

const noLongerNeeded = () => new Error("the response is no longer needed")

/**
 * Collects one response. It implements undici's older handler interface, because some dispatchers support no other.
 */
class Collector implements Undici.Dispatcher.DispatchHandler {
  status = 0
  /** As undici parses them: a header that came more than once is an array. */
  headers: Readonly<Record<string, string | Array<string> | undefined>> = {}
  /** The body, in the first `#size` bytes. A chunk that is kept would keep the whole buffer of the socket (row 27). */
  #body = new Uint8Array()
  #size = 0
  /** Closes the connection on which undici sends the request or receives the response. */
  #abort: (reason: Error) => void = constVoid
  /** Resumes the fiber; `undefined` when the response has ended, or is no longer needed. */
  #end: ((result: Effect.Effect<Collector, unknown>) => void) | undefined

  constructor(end: (result: Effect.Effect<Collector, unknown>) => void) {
    this.#end = end
  }

  /** A copy of the body. */
  bytes(): Uint8Array<ArrayBuffer> {
    return this.#body.slice(0, this.#size)
  }

  /** Closes the connection. */
  cancel(): void {
    this.#end = undefined
    this.#abort(noLongerNeeded())
  }

  onConnect(abort: (reason?: Error) => void): void {
    if (this.#end === undefined) abort(noLongerNeeded())
    else this.#abort = abort
  }

  /** The final response comes after informational ones, and takes their place. */
  onHeaders(status: number, headers: Array<Buffer>): boolean {
    this.status = status
    this.headers = Undici.util.parseHeaders(headers)
    return true
  }

  /** Returns whether undici may read on. */
  onData(chunk: Uint8Array): boolean {
    this.#add(chunk)
    if (this.#size > maxBytes) this.#close(Effect.succeed(this))
    if (this.#end !== undefined) return true
    this.cancel() // once more, because a dispatcher that retries may have opened another connection meanwhile
    return false
  }

  onComplete(): void {
    this.#close(Effect.succeed(this))
  }

  /** The 407 of a proxy has the same outcome as one of the server: no retry, which could lock an account (row 34). */
  onError(cause: unknown): void {
    if (!(cause instanceof ProxyAuthenticationError)) return this.fail(cause)
    this.status = 407
    this.#close(Effect.succeed(this))
  }

  /** A `TypeError` is a mistake in a program, and no fault of the network: it must not be retried. */
  fail(cause: unknown): void {
    this.#close(cause instanceof TypeError ? Effect.die(cause) : Effect.fail(cause))
  }

  #add(chunk: Uint8Array): void {
    const size = this.#size + chunk.length
    if (size > this.#body.length) {
      const larger = new Uint8Array(Math.max(size, 2 * this.#body.length))
      larger.set(this.#body)
      this.#body = larger
    }
    this.#body.set(chunk, this.#size)
    this.#size = size
  }

  #close(result: Effect.Effect<Collector, unknown>): void {
    this.#end?.(result)
    this.#end = undefined
  }
}

const dispatch = (
  dispatcher: Undici.Dispatcher,
  options: Undici.Dispatcher.DispatchOptions
): Effect.Effect<Collector, unknown> =>
  Effect.async((resume) => {
    const collector = new Collector(resume)
    try {
      dispatcher.dispatch(options, collector)
    } catch (cause) {
      collector.fail(cause)
    }
    return Effect.sync(() => collector.cancel())
  })

/** No field that is printed holds the body, because it may contain a token (E8). */
class Response extends Inspectable.Class implements HttpClientResponse.HttpClientResponse {
  readonly [HttpIncomingMessage.TypeId]: HttpIncomingMessage.TypeId = HttpIncomingMessage.TypeId
  readonly [HttpClientResponse.TypeId]: HttpClientResponse.TypeId = HttpClientResponse.TypeId
  readonly status: number
  readonly headers: Headers.Headers
  readonly remoteAddress = Option.none<string>()
  readonly request: HttpClientRequest.HttpClientRequest
  readonly #collector: Collector

  constructor(request: HttpClientRequest.HttpClientRequest, collector: Collector) {
    super()
    this.request = request
    this.status = collector.status
    this.headers = Headers.fromInput(collector.headers)
    this.#collector = collector
  }

  #decode<A>(parse: (text: string) => A): Effect.Effect<A, ResponseError> {
    return Effect.try({
      try: () => parse(new TextDecoder().decode(this.#collector.bytes())),
      catch: (cause) => new ResponseError({ request: this.request, response: this, reason: "Decode", cause })
    })
  }

  get cookies(): Cookies.Cookies {
    return Cookies.fromSetCookie(this.#collector.headers["set-cookie"] ?? [])
  }
  get arrayBuffer(): Effect.Effect<ArrayBuffer> {
    return Effect.sync(() => this.#collector.bytes().buffer)
  }
  get stream(): Stream.Stream<Uint8Array> {
    return Stream.sync(() => this.#collector.bytes())
  }
  get text(): Effect.Effect<string, ResponseError> {
    return this.#decode((text) => text)
  }
  get json(): Effect.Effect<unknown, ResponseError> {
    return this.#decode((text): unknown => text === "" ? null : JSON.parse(text))
  }
  get urlParamsBody(): Effect.Effect<UrlParams.UrlParams, ResponseError> {
    return this.#decode((text) => UrlParams.fromInput(new URLSearchParams(text)))
  }
  get formData(): Effect.Effect<FormData> {
    return Effect.dieMessage("the response to a token request is not read as form data")
  }

  toJSON(): unknown {
    return print(this)
  }
}

/**
 * A client that sends token requests through this dispatcher. Its response is complete, or it is longer than what
 * `core` reads. It turns undici's own time-outs off, because `core` has its own (E6).
 */
export const make = (dispatcher: Undici.Dispatcher): HttpClient.HttpClient =>
  HttpClient.make((request, url) => {
    const { body } = request
    if (body._tag !== "Uint8Array" && body._tag !== "Empty") {
      return Effect.dieMessage("the body of a token request is bytes, and not a stream or a form")
    }
    const options: Undici.Dispatcher.DispatchOptions = {
      origin: url.origin,
      path: url.pathname + url.search,
      method: request.method,
      headers: request.headers,
      body: body._tag === "Empty" ? null : body.body,
      headersTimeout: 0,
      bodyTimeout: 0
    }
    return Effect.mapBoth(dispatch(dispatcher, options), {
      onFailure: (cause) => new RequestError({ request, reason: "Transport", cause }),
      onSuccess: (collector) => new Response(request, collector)
    })
  })
