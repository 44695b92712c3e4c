/**
 * An `HttpClient` without a network: it answers as it is told and keeps what it was asked.
 *
 * @since 0.1.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { textOf } from "./internal/body.js"

/**
 * A request as a plain value, so that a failing assertion shows a readable difference. `at` is in milliseconds since
 * 1970, by the fiber's clock; `url` is the whole of it; header names are in lower case; `body` is text.
 *
 * @since 0.1.0
 * @category models
 */
export interface Received {
  readonly at: number
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/**
 * What is answered: 200 and nothing, unless said otherwise. `body` that isn't text is sent as JSON.
 *
 * @since 0.1.0
 * @category models
 */
export type Reply =
  | Response
  | { readonly status?: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: unknown }

/**
 * A reply, or an effect that comes to one in its own time, or never. What it fails with is the cause of a
 * `RequestError`, as if the network had failed: `Effect.fail({ code: "ECONNREFUSED" })`.
 *
 * @since 0.1.0
 * @category models
 */
export type Answer = Reply | Effect.Effect<Reply, unknown>

/**
 * What makes an answer of a request and its number; the first is 0.
 *
 * @since 0.1.0
 * @category models
 */
export type Handler = (request: Received, n: number) => Answer

/**
 * The client, and what was asked of it so far, the first request first, in a list that grows.
 *
 * @since 0.1.0
 * @category tags
 */
export class MockHttpClient extends Context.Tag("@effect-tilia/testing/MockHttpClient")<MockHttpClient, {
  readonly client: HttpClient.HttpClient
  readonly received: ReadonlyArray<Received>
}>() {}

const toResponse = (reply: Reply): Response => {
  if (reply instanceof Response) return reply
  const { body, headers = {}, status = 200 } = reply
  const isEmpty = body === undefined || status === 204 || status === 304
  const text = typeof body === "string" ? body : JSON.stringify(body)
  const type = typeof body === "string" ? "text/plain" : "application/json"
  return new Response(isEmpty ? null : text, {
    status,
    headers: isEmpty ? headers : { "content-type": type, ...headers }
  })
}

/**
 * A client that answers as this function says.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (handle: Handler): Effect.Effect<MockHttpClient["Type"]> =>
  Effect.sync(() => {
    const received: Array<Received> = []
    const client = HttpClient.make((request, url) =>
      Effect.gen(function*() {
        const at = yield* Clock.currentTimeMillis
        const body = yield* textOf(request)
        const seen = { at, method: request.method, url: url.href, headers: { ...request.headers }, body }
        received.push(seen)
        const answer = handle(seen, received.length - 1)
        return Effect.isEffect(answer) ? yield* answer : answer
      }).pipe(
        Effect.mapBoth({
          onFailure: (cause) => new HttpClientError.RequestError({ request, reason: "Transport", cause }),
          onSuccess: (reply) => HttpClientResponse.fromWeb(request, toResponse(reply))
        })
      )
    )
    return { client, received }
  })

/**
 * The same as a Layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerHandler = (handle: Handler): Layer.Layer<HttpClient.HttpClient | MockHttpClient> =>
  Layer.effectContext(
    Effect.map(
      make(handle),
      (mock) => Context.make(MockHttpClient, mock).pipe(Context.add(HttpClient.HttpClient, mock.client))
    )
  )

/**
 * A request that was expected, as far as it says: any of the method, the URL (a text is the whole of it), and its
 * answer.
 *
 * @since 0.1.0
 * @category models
 */
export interface Expected {
  readonly method?: string
  readonly url?: string | RegExp
  readonly answer: Answer
}

const describe = ({ method = "any method", url = "any URL" }: Expected): string => `${method} ${String(url)}`

const fits = ({ method, url }: Expected, request: Received): boolean =>
  (method === undefined || method === request.method) &&
  (url === undefined || (typeof url === "string" ? url === request.url : url.test(request.url)))

/**
 * A client that expects these requests in turn. One that doesn't fit, or one too many, is a defect that says which
 * request came and what was expected.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (...expected: ReadonlyArray<Expected>): Layer.Layer<HttpClient.HttpClient | MockHttpClient> =>
  layerHandler((request, n) => {
    const next = expected[n]
    if (next !== undefined && fits(next, request)) return next.answer
    const awaited = next === undefined ? `no more than ${expected.length}` : describe(next)
    return Effect.dieMessage(`Unexpected request ${n + 1}, ${request.method} ${request.url}: expected ${awaited}.`)
  })
