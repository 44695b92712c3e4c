/*
 * Effect's HTTP client over an undici dispatcher. It replaces the client of platform-node, which reads each body in a
 * fiber of its own and parses the headers at every access: that is a fifth of what a token request allocates (P3).
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeStream from "@effect/platform-node/NodeStream"
import type * as Undici from "@effect/platform-node/Undici"
import * as Cookies from "@effect/platform/Cookies"
import * as Headers from "@effect/platform/Headers"
import * as HttpClient from "@effect/platform/HttpClient"
import { RequestError, ResponseError } from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as HttpIncomingMessage from "@effect/platform/HttpIncomingMessage"
import * as UrlParams from "@effect/platform/UrlParams"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { Readable } from "node:stream"
import { Handler } from "./handler.js"

type RequestBody = Exclude<Undici.Dispatcher.DispatchOptions["body"], undefined>

/** Whether undici can send this body. Platform types the content of some bodies as `unknown`. */
const isSendable = (body: unknown): body is Exclude<RequestBody, null> =>
  typeof body === "string" || body instanceof Uint8Array || body instanceof Readable || body instanceof FormData

const bodyOf = (request: HttpClientRequest.HttpClientRequest): Effect.Effect<RequestBody, RequestError> => {
  const { body } = request
  switch (body._tag) {
    case "Empty":
      return Effect.succeed(null)
    case "Uint8Array":
      return Effect.succeed(body.body)
    case "Stream":
      return NodeStream.toReadable(body.stream)
    default: {
      const content = body._tag === "Raw" ? body.body : body.formData
      return isSendable(content)
        ? Effect.succeed(content)
        : Effect.fail(new RequestError({ request, reason: "Encode", description: "undici can't send such a body" }))
    }
  }
}

/** No field that is printed holds the body, because it may contain a token (E8). */
class Response extends Inspectable.Class implements HttpClientResponse.HttpClientResponse {
  readonly [HttpIncomingMessage.TypeId]: HttpIncomingMessage.TypeId = HttpIncomingMessage.TypeId
  readonly [HttpClientResponse.TypeId]: HttpClientResponse.TypeId = HttpClientResponse.TypeId
  readonly status: number
  readonly headers: Headers.Headers
  readonly remoteAddress = Option.none<string>()
  readonly request: HttpClientRequest.HttpClientRequest
  readonly #handler: Handler

  constructor(request: HttpClientRequest.HttpClientRequest, handler: Handler) {
    super()
    this.request = request
    this.status = handler.status
    this.headers = Headers.fromInput(handler.headers)
    this.#handler = handler
  }

  #toDecodeError = (cause: unknown) =>
    new ResponseError({ request: this.request, response: this, reason: "Decode", cause })

  get cookies(): Cookies.Cookies {
    return Cookies.fromSetCookie(this.#handler.headers["set-cookie"] ?? [])
  }

  get arrayBuffer(): Effect.Effect<ArrayBuffer, ResponseError> {
    return Effect.mapError(this.#handler.readAll(), this.#toDecodeError)
  }

  get text(): Effect.Effect<string, ResponseError> {
    return Effect.map(this.arrayBuffer, (bytes) => new TextDecoder().decode(bytes))
  }

  get json(): Effect.Effect<unknown, ResponseError> {
    return Effect.tryMap(this.text, {
      try: (text): unknown => text === "" ? null : JSON.parse(text),
      catch: this.#toDecodeError
    })
  }

  get urlParamsBody(): Effect.Effect<UrlParams.UrlParams, ResponseError> {
    return Effect.map(this.text, (text) => UrlParams.fromInput(new URLSearchParams(text)))
  }

  get formData(): Effect.Effect<FormData, ResponseError> {
    return Effect.flatMap(this.arrayBuffer, (bytes) =>
      Effect.tryPromise({
        try: () => new globalThis.Response(bytes, { headers: this.headers }).formData(),
        catch: this.#toDecodeError
      }))
  }

  get stream(): Stream.Stream<Uint8Array, ResponseError> {
    return Stream.mapError(this.#handler.stream(), this.#toDecodeError)
  }

  toJSON(): unknown {
    return {
      _id: "@effect/platform/HttpClientResponse",
      request: this.request.toJSON(),
      status: this.status,
      headers: Inspectable.redact(this.headers)
    }
  }
}

/**
 * A client that sends its requests through this dispatcher. It turns undici's own time-outs off, because callers set
 * theirs with Effect. It honors `UndiciRequestOptions`, except what it sets itself below.
 */
export const make = (dispatcher: Undici.Dispatcher): HttpClient.HttpClient =>
  HttpClient.make((request, url, signal, { currentContext }) =>
    Effect.flatMap(bodyOf(request), (body) =>
      Effect.mapBoth(
        new Handler(body, signal).dispatch(dispatcher, {
          ...Option.getOrUndefined(Context.getOption(currentContext, NodeHttpClient.UndiciRequestOptions)),
          origin: url.origin,
          path: url.pathname + url.search,
          method: request.method,
          headers: request.headers,
          body,
          headersTimeout: 0,
          bodyTimeout: 0
        }),
        {
          onFailure: (cause) => new RequestError({ request, reason: "Transport", cause }),
          onSuccess: (handler) => new Response(request, handler)
        }
      ))
  )
