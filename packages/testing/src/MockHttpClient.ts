/**
 * An `HttpClient` without a network. It records each request, and you script its replies.
 *
 * @example
 * import { MockHttpClient } from "@effect-tilia/testing"
 * import { HttpClient } from "@effect/platform"
 * import { expect, it } from "@effect/vitest"
 * import { Effect } from "effect"
 *
 * it.effect("the client sends one GET request", () =>
 *   Effect.gen(function*() {
 *     const response = yield* HttpClient.get("https://api.example/me")
 *     expect(yield* response.json).toStrictEqual({ name: "me" })
 *     const { received } = yield* MockHttpClient.MockHttpClient
 *     expect(received).toMatchObject([{ method: "GET", url: "https://api.example/me" }])
 *   }).pipe(Effect.provide(MockHttpClient.layer({ reply: { body: { name: "me" } } }))))
 *
 * @since 0.1.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import { textOf } from "./internal/body.js"

/**
 * A request as a plain value, so that a failed assertion shows a readable difference.
 *
 * @since 0.1.0
 * @category models
 */
export interface Received {
  /** When the request was sent, in milliseconds since 1970, by the fiber's clock. */
  readonly at: number
  /** The HTTP method. */
  readonly method: string
  /** The whole URL, with its query. */
  readonly url: string
  /** The headers. Their names are in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** The body as text. It is empty if there is no body. */
  readonly body: string
}

/**
 * A response as data.
 *
 * @since 0.1.0
 * @category models
 */
export interface ResponseOptions {
  /**
   * The HTTP status.
   *
   * @default 200
   */
  readonly status?: number
  /**
   * The headers. Unless you set it, the `content-type` is `text/plain` for a text and `application/json` for any other
   * body.
   *
   * @default {}
   */
  readonly headers?: Readonly<Record<string, string>>
  /**
   * The body. A text is sent as it is, and any other value as JSON. A 204 and a 304 have no body.
   *
   * @default no body
   */
  readonly body?: unknown
}

/**
 * What the client does for a request: it returns a response, or the result of an effect, which may wait. If the effect
 * fails, the client fails with a `RequestError` whose cause is that failure, as if the network had failed:
 * `Effect.fail({ code: "ECONNREFUSED" })`. A reply can be used for several requests, but not a `Response` that was
 * read: then the client dies.
 *
 * @since 0.1.0
 * @category models
 */
export type Reply = Response | ResponseOptions | Effect.Effect<Response | ResponseOptions, unknown>

/**
 * Makes the reply to a request, from the request and the number of requests before it.
 *
 * @since 0.1.0
 * @category models
 */
export type Handler = (request: Received, index: number) => Reply

/**
 * A request that a test expects, and the reply to it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Expected {
  /**
   * The HTTP method.
   *
   * @default any method
   */
  readonly method?: string
  /**
   * The whole URL as a text, or a pattern that it matches.
   *
   * @default any URL
   */
  readonly url?: string | RegExp
  /** What the client does for the request. */
  readonly reply: Reply
}

/**
 * The client, and a record of its requests.
 *
 * @since 0.1.0
 * @category models
 */
export interface MockHttpClient {
  /** The client itself. */
  readonly client: HttpClient.HttpClient
  /** The requests so far, in order. The array grows. */
  readonly received: ReadonlyArray<Received>
}

/**
 * @since 0.1.0
 * @category tags
 */
export const MockHttpClient: Context.Tag<MockHttpClient, MockHttpClient> = Context.GenericTag(
  "@effect-tilia/testing/MockHttpClient"
)

const toResponse = (response: Response | ResponseOptions): Response => {
  if (response instanceof Response) {
    // A copy would be read ahead, and would not end when its reader leaves.
    if (response.bodyUsed) throw new TypeError("This Response was read: reply with its parts, or with one made anew.")
    return response
  }
  const { body, headers = {}, status = 200 } = response
  if (body === undefined || status === 204 || status === 304) return new Response(null, { status, headers })
  return typeof body === "string"
    ? new Response(body, { status, headers: { "content-type": "text/plain", ...headers } })
    : new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json", ...headers } })
}

/**
 * A client whose replies this function makes.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (handle: Handler): Effect.Effect<MockHttpClient> =>
  Effect.sync(() => {
    const received: Array<Received> = []
    const client = HttpClient.make((request, url) =>
      Effect.gen(function*() {
        const at = yield* Clock.currentTimeMillis
        const body = yield* textOf(request)
        const index = received.length
        const entry = { at, method: request.method, url: url.href, headers: { ...request.headers }, body }
        received.push(entry)
        const reply = handle(entry, index)
        return Effect.isEffect(reply) ? yield* reply : reply
      }).pipe(
        Effect.mapBoth({
          onFailure: (cause) => new HttpClientError.RequestError({ request, reason: "Transport", cause }),
          onSuccess: (response) => HttpClientResponse.fromWeb(request, toResponse(response))
        })
      )
    )
    return { client, received }
  })

const toContext = (mock: MockHttpClient) =>
  Context.make(MockHttpClient, mock).pipe(Context.add(HttpClient.HttpClient, mock.client))

/**
 * The client as a Layer, under its own tag and as the `HttpClient`: see `make`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerHandler = (handle: Handler): Layer.Layer<HttpClient.HttpClient | MockHttpClient> =>
  Layer.effectContext(Effect.map(make(handle), toContext))

const describe = ({ method = "any method", url = "any URL" }: Expected): string => `${method} ${String(url)}`

const matches = ({ method, url }: Expected, request: Received): boolean =>
  (method === undefined || method === request.method) &&
  (url === undefined || (typeof url === "string" ? url === request.url : url.test(request.url)))

/** A defect, because no code of a user should handle what is wrong with a test. */
const expectAll = (expected: ReadonlyArray<Expected>, { received }: MockHttpClient): Effect.Effect<void> => {
  const next = expected[received.length]
  return next === undefined
    ? Effect.void
    : Effect.dieMessage(`Only ${received.length} of ${expected.length} requests came: ${describe(next)} did not.`)
}

/**
 * A client that expects these requests in order. A request that does not match, or one too many, is a defect. Its
 * message says which request came and which one was expected. If one of the requests has not come when the Layer's
 * scope closes, that is a defect too, unless the test has failed anyway.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (...expected: ReadonlyArray<Expected>): Layer.Layer<HttpClient.HttpClient | MockHttpClient> =>
  Layer.scopedContext(
    make((request, index) => {
      const next = expected[index]
      if (next !== undefined && matches(next, request)) return next.reply
      const awaited = next === undefined ? `no more than ${expected.length}` : describe(next)
      return Effect.dieMessage(
        `Unexpected request ${index + 1}, ${request.method} ${request.url}: expected ${awaited}.`
      )
    }).pipe(
      Effect.tap((mock) =>
        Effect.addFinalizer((exit) => Exit.isSuccess(exit) ? expectAll(expected, mock) : Effect.void)
      ),
      Effect.map(toContext)
    )
  )
