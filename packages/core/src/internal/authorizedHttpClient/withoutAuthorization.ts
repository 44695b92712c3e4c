/*
 * Responses, errors and spans without the bearer. Platform's own hold the request that was sent, and print it in
 * `JSON.stringify` and `inspect`, bearer included. Here responses and errors are made anew, with the request as the
 * caller made it (A6).
 */
import * as Headers from "@effect/platform/Headers"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as HttpIncomingMessage from "@effect/platform/HttpIncomingMessage"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Inspectable from "effect/Inspectable"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"

const attribute = "http.request.header.authorization"

const hidden = "<redacted>"

/** A bearer that an API sends back (RFC 6750 §2.1), which is no challenge: that has parameters. */
const echoed = /bearer\s+[\w.~+/-]+=*$/i

const isEchoed = (key: string, value: unknown): boolean =>
  key.startsWith("http.response.header.") && typeof value === "string" && echoed.test(value)

/** The headers of a response as they may be printed: without the bearer that it answers, if it repeats that. */
const printable = (
  headers: Headers.Headers,
  sent: HttpClientRequest.HttpClientRequest
): Headers.Headers => {
  const [, token] = /^bearer\s+(\S+)$/i.exec(sent.headers["authorization"] ?? "") ?? []
  if (token === undefined) return headers
  const values = Object.entries(headers).map(([name, value]) => [name, value.replaceAll(token, hidden)] as const)
  return Headers.fromInput(values)
}

/** A tracer may give the same span to every request, as one that records nothing does. */
const hidingSpans = new WeakSet<Tracer.Span>()

/** The span itself, and not a copy: a tracer may look for its own class. Only a frozen one gets a successor. */
const hideIn = (span: Tracer.Span): Tracer.Span => {
  if (hidingSpans.has(span)) return span
  const set = span.attribute.bind(span)
  const end = span.end.bind(span)
  const hiding: Pick<Tracer.Span, "attribute" | "end"> = {
    attribute: (key, value) => set(key, key === attribute || isEchoed(key, value) ? hidden : value),
    // The end is that of the given client, with the request as it was sent. A tracer may keep or print it.
    end: (time, exit) => end(time, Exit.mapBoth(exit, { onFailure: ofSentError, onSuccess: ofSentResponse }))
  }
  if (Object.isFrozen(span)) return Object.setPrototypeOf(hiding, span)
  hidingSpans.add(span)
  return Object.assign(span, hiding)
}

const hiddenIn = (sent: HttpClientRequest.HttpClientRequest): HttpClientRequest.HttpClientRequest =>
  Headers.has(sent.headers, "authorization") ? HttpClientRequest.setHeader(sent, "authorization", hidden) : sent

const isResponse = (value: unknown): value is HttpClientResponse.HttpClientResponse =>
  Predicate.hasProperty(value, HttpClientResponse.TypeId)

const ofSentResponse = (value: unknown): unknown => isResponse(value) ? response(hiddenIn(value.request), value) : value

const ofSentError = (value: unknown): unknown =>
  HttpClientError.isHttpClientError(value) ? error(hiddenIn(value.request), value) : value

const hidingTracers = new WeakMap<Tracer.Tracer, Tracer.Tracer>()

/** The same tracer, made once: its spans hide the header. */
const hiding = (tracer: Tracer.Tracer): Tracer.Tracer => {
  const made = hidingTracers.get(tracer)
  if (made !== undefined) return made
  const wrapped = Tracer.make({
    span: (...args) => hideIn(tracer.span(...args)),
    context: (run, fiber) => tracer.context(run, fiber)
  })
  hidingTracers.set(tracer, wrapped)
  return wrapped
}

/** With the header among the names that Effect hides when it prints a request. Platform's own contain it. */
const withName = (names: ReadonlyArray<string | RegExp>): ReadonlyArray<string | RegExp> =>
  names.includes("authorization") ? names : [...names, "authorization"]

/**
 * Hides the header in the span of a request, and where the given client prints the request, whichever names of headers
 * the user has set. The names alone would not do: the given client may set its own around the request itself (A6).
 */
export const hideBearer = <A, E, R>(call: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.withFiberRuntime((fiber) =>
    call.pipe(
      Effect.locallyWith(Headers.currentRedactedNames, withName),
      Effect.withTracer(hiding(fiber.currentTracer))
    )
  )

/** What an error says, without its request. */
const reasonOf = <Reason>(
  { cause, description, reason }: { readonly reason: Reason; readonly cause?: unknown; readonly description?: string }
) => ({ reason, ...(cause !== undefined && { cause }), ...(description !== undefined && { description }) })

class ResponseWithoutAuthorization extends Inspectable.Class implements HttpClientResponse.HttpClientResponse {
  readonly [HttpIncomingMessage.TypeId]: HttpIncomingMessage.TypeId = HttpIncomingMessage.TypeId
  readonly [HttpClientResponse.TypeId]: HttpClientResponse.TypeId = HttpClientResponse.TypeId
  readonly request: HttpClientRequest.HttpClientRequest
  readonly #original: HttpClientResponse.HttpClientResponse

  constructor(request: HttpClientRequest.HttpClientRequest, original: HttpClientResponse.HttpClientResponse) {
    super()
    this.request = request
    this.#original = original
  }

  readonly #withoutAuthorization = (error: HttpClientError.ResponseError): HttpClientError.ResponseError =>
    new HttpClientError.ResponseError({ request: this.request, response: this, ...reasonOf(error) })

  get status() {
    return this.#original.status
  }
  get headers() {
    return this.#original.headers
  }
  get cookies() {
    return this.#original.cookies
  }
  get remoteAddress() {
    return this.#original.remoteAddress
  }
  get json() {
    return Effect.mapError(this.#original.json, this.#withoutAuthorization)
  }
  get text() {
    return Effect.mapError(this.#original.text, this.#withoutAuthorization)
  }
  get urlParamsBody() {
    return Effect.mapError(this.#original.urlParamsBody, this.#withoutAuthorization)
  }
  get formData() {
    return Effect.mapError(this.#original.formData, this.#withoutAuthorization)
  }
  get arrayBuffer() {
    return Effect.mapError(this.#original.arrayBuffer, this.#withoutAuthorization)
  }
  get stream() {
    return Stream.mapError(this.#original.stream, this.#withoutAuthorization)
  }

  /** As platform's own, without the body: platform begins to read it here, past any back-pressure (A6). */
  override toJSON(): unknown {
    return {
      _id: "@effect/platform/HttpClientResponse",
      request: this.request.toJSON(),
      status: this.status,
      headers: Inspectable.redact(printable(this.headers, this.#original.request)),
      remoteAddress: this.remoteAddress.toJSON()
    }
  }
}

export const response = (
  request: HttpClientRequest.HttpClientRequest,
  original: HttpClientResponse.HttpClientResponse
): HttpClientResponse.HttpClientResponse => new ResponseWithoutAuthorization(request, original)

/** Any error that is not platform's is passed on as it is. */
export const error = <E>(
  request: HttpClientRequest.HttpClientRequest,
  error: E
): E | HttpClientError.HttpClientError => {
  if (!HttpClientError.isHttpClientError(error)) return error
  return error._tag === "RequestError"
    ? new HttpClientError.RequestError({ request, ...reasonOf(error) })
    : new HttpClientError.ResponseError({ request, response: response(request, error.response), ...reasonOf(error) })
}

/** Any error that is not platform's becomes the cause of a `RequestError`. */
export const toHttpClientError = <E>(
  request: HttpClientRequest.HttpClientRequest,
  error: E
): HttpClientError.HttpClientError =>
  HttpClientError.isHttpClientError(error) ? error : new HttpClientError.RequestError({
    request,
    reason: "Transport",
    cause: error,
    description: error instanceof Error ? error.message : "no access token"
  })
