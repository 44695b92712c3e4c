/**
 * An `HttpClient` without a network: it answers as it is told and keeps what it was asked.
 *
 * @since 0.1.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { bodyOf } from "./internal/body.js"

/**
 * A request as a plain value, so that a failing assertion shows a readable difference. `url` is the whole of it; header
 * names are in lower case; `body` is text.
 *
 * @since 0.1.0
 * @category models
 */
export interface Received {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/**
 * One answer, or how a request fails. `body` that isn't text is sent as JSON.
 *
 * @since 0.1.0
 * @category models
 */
export type Answer =
  | { readonly status?: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: unknown }
  | Effect.Effect<Response, HttpClientError.HttpClientError>

/**
 * What was asked so far, the first request first.
 *
 * @since 0.1.0
 * @category tags
 */
export class MockHttpClient extends Context.Tag("@effect-tilia/testing/MockHttpClient")<MockHttpClient, {
  readonly received: Effect.Effect<ReadonlyArray<Received>>
}>() {}

const toResponse = (answer: Answer): Effect.Effect<Response, HttpClientError.HttpClientError> =>
  Effect.isEffect(answer) ? answer : Effect.sync(() => {
    const { body, headers = {}, status = 200 } = answer
    const isEmpty = body === undefined || status === 204 || status === 304
    const text = typeof body === "string" ? body : JSON.stringify(body)
    const type = typeof body === "string" ? "text/plain" : "application/json"
    return new Response(isEmpty ? null : text, {
      status,
      headers: isEmpty ? headers : { "content-type": type, ...headers }
    })
  })

/**
 * A client that answers with what this function makes of a request.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerHandler = (
  handle: (request: Received, n: number) => Answer
): Layer.Layer<HttpClient.HttpClient | MockHttpClient> =>
  Layer.effectContext(Effect.sync(() => {
    const received: Array<Received> = []
    const client = HttpClient.make((request, url) =>
      Effect.flatMap(Effect.promise(() => new Response(bodyOf(request)).text()), (body) => {
        const seen = { method: request.method, url: url.href, headers: { ...request.headers }, body }
        received.push(seen)
        return Effect.map(
          toResponse(handle(seen, received.length - 1)),
          (response) => HttpClientResponse.fromWeb(request, response)
        )
      })
    )
    return Context.make(HttpClient.HttpClient, client).pipe(
      Context.add(MockHttpClient, { received: Effect.sync(() => [...received]) })
    )
  }))

/**
 * A request that was expected, as far as it says: any of the method, the URL (a text is the whole of it), and its answer.
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
 * A client that expects these requests in turn. One that doesn't fit, or one too many, is a defect that says which request
 * came and what was expected.
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
