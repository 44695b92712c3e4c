/*
 * A row for each option: what it changes. A table has the type `Record<keyof …>`, so an option without a row does not
 * compile.
 */
import type { TokenEndpoint, TokenSource } from "@effect-tilia/core"
import type { MockHttpClient } from "@effect-tilia/testing"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { token } from "./mocked.js"

/** What a row looks at. */
export interface Observed {
  readonly source: TokenSource.TokenSource
  readonly endpoint: TokenEndpoint.TokenEndpoint
  /** How many token requests the server has received. */
  readonly requests: () => number
  /** Lets some seconds pass. */
  readonly pass: (seconds: number) => Effect.Effect<void>
  /** Moves the wall clock alone, in milliseconds. */
  readonly step: (millis: number) => Effect.Effect<void>
}

/** An option, and what is observed without it and with it. */
export interface Row<Options> {
  readonly given: Options
  /** The other options, with which the option is compared. */
  readonly beside?: Options
  /** The responses of the server. */
  readonly replies: MockHttpClient.Handler
  /** What each draw of chance is. It is 0.5 by default. */
  readonly draw?: number
  readonly observe: (observed: Observed) => Effect.Effect<unknown>
  readonly byDefault: unknown
  readonly withOption: unknown
}

const grant: MockHttpClient.Handler = () => ({ body: token })
const unavailable: MockHttpClient.Handler = () => ({ status: 503 })
const firstGrants: MockHttpClient.Handler = (_, n) => n === 0 ? { body: token } : { status: 503 }

/** Lets everything run that does not wait for a later time. No body of a mocked response comes from a socket. */
const turns = Effect.repeatN(Effect.promise(() => new Promise((resolve) => setImmediate(resolve))), 20)

/** Lets some seconds pass on the test's clock, whatever clock the fiber has when this runs. */
export const passing = Effect.clockWith((clock) =>
  Effect.succeed((seconds: number) =>
    Effect.withClock(Effect.zipRight(turns, Effect.zipRight(TestClock.adjust(seconds * 1000), turns)), clock)
  )
)

/** How many requests there are some seconds after a `get`. */
const requestsAfter = (seconds: number) => ({ pass, requests, source }: Observed) =>
  Effect.zipRight(Effect.zipRight(Effect.exit(source.get), pass(seconds)), Effect.sync(requests))

/** How many requests two calls cause, some seconds apart. */
const requestsOfTwo =
  (seconds: number, call: (source: TokenSource.TokenSource) => Effect.Effect<unknown, unknown>) =>
  ({ pass, requests, source }: Observed) =>
    Effect.exit(call(source)).pipe(
      Effect.zipRight(pass(seconds)),
      Effect.zipRight(Effect.exit(call(source))),
      Effect.map(requests)
    )

const get = ({ get }: TokenSource.TokenSource) => get

type SourceOptions = Omit<TokenSource.Options, "scopes">

/** The options within `coolDown`. */
const ofCoolDown: Record<keyof NonNullable<SourceOptions["coolDown"]>, Row<SourceOptions>> = {
  base: {
    given: { coolDown: { base: "9 seconds" } },
    replies: unavailable,
    observe: requestsOfTwo(5, get),
    byDefault: 2,
    withOption: 1
  },
  max: {
    beside: { coolDown: { base: "10 seconds" } },
    given: { coolDown: { base: "10 seconds", max: "1 second" } },
    replies: unavailable,
    observe: requestsOfTwo(5, get),
    byDefault: 1,
    withOption: 2
  },
  maxNotRetryable: {
    beside: { coolDown: { base: "10 seconds" } },
    given: { coolDown: { base: "10 seconds", maxNotRetryable: "1 second" } },
    replies: () => ({ status: 401 }),
    observe: requestsOfTwo(5, get),
    byDefault: 1,
    withOption: 2
  }
}

/** The options of a source. All tokens have a lifetime of one hour, so one is due after 2,880 seconds. */
export const ofSource: Record<keyof SourceOptions, ReadonlyArray<Row<SourceOptions>>> = {
  refreshAt: [{
    given: { refreshAt: 0.5 },
    replies: grant,
    observe: requestsAfter(2000),
    byDefault: 1,
    withOption: 2
  }],
  jitter: [{
    given: { jitter: 0.1 },
    replies: grant,
    draw: 0.999,
    observe: requestsAfter(3000),
    byDefault: 2,
    withOption: 1
  }],
  expiryMargin: [{
    given: { expiryMargin: "1 second" },
    replies: firstGrants,
    observe: ({ pass, source }) =>
      Effect.zipRight(Effect.exit(source.get), pass(3595)).pipe(Effect.map(() => Option.isSome(source.peek()))),
    byDefault: false,
    withOption: true
  }],
  background: [{
    given: { background: "onDemand" },
    replies: grant,
    observe: requestsAfter(3000),
    byDefault: 2,
    withOption: 1
  }],
  idleAfter: [{
    given: { idleAfter: "1 minute" },
    replies: grant,
    observe: requestsAfter(3000),
    byDefault: 2,
    withOption: 1
  }],
  start: [{
    given: { start: "eager" },
    replies: grant,
    observe: ({ pass, requests }) => Effect.map(pass(1), requests),
    byDefault: 0,
    withOption: 1
  }],
  minRefreshInterval: [{
    given: { minRefreshInterval: "1 minute" },
    replies: grant,
    observe: requestsOfTwo(10, ({ refresh }) => refresh),
    byDefault: 2,
    withOption: 1
  }],
  coolDown: Object.values(ofCoolDown),
  maxRetryAfter: [{
    given: { maxRetryAfter: "10 seconds" },
    replies: () => ({ status: 503, headers: { "retry-after": "1000" } }),
    observe: requestsOfTwo(100, get),
    byDefault: 1,
    withOption: 2
  }],
  checkEvery: [{
    given: { checkEvery: "1 second" },
    replies: grant,
    observe: ({ pass, requests, source, step }) =>
      Effect.exit(source.get).pipe(
        Effect.zipRight(step(3_000_000)), // the token is due, and no timer has noticed
        Effect.zipRight(pass(5)),
        Effect.map(requests)
      ),
    byDefault: 1,
    withOption: 2
  }]
}

/** What a token request has come to after some seconds, which it need not have ended in. */
const resultAfter =
  (seconds: number, scopes: ReadonlyArray<string> = ["user_info"]) => ({ endpoint, pass, requests }: Observed) =>
    Effect.gen(function*() {
      const fiber = yield* Effect.fork(Effect.either(endpoint.requestToken(scopes)))
      for (let n = 0; n < 10; n++) yield* pass(seconds / 10)
      const result = Option.flatMap(
        yield* Fiber.poll(fiber),
        (exit) => exit._tag === "Success" ? Option.some(exit.value) : Option.none()
      )
      yield* Fiber.interruptFork(fiber)
      return [
        requests(),
        Option.match(result, {
          onNone: () => "none yet",
          onSome: Either.match({ onLeft: ({ _tag }) => _tag, onRight: () => "token" })
        })
      ]
    })

/** The options of an endpoint. */
export const ofEndpoint: Record<keyof TokenEndpoint.Options, ReadonlyArray<Row<TokenEndpoint.Options>>> = {
  retry: [{
    given: { retry: { maxAttempts: 2 } },
    replies: unavailable,
    observe: resultAfter(60),
    byDefault: [4, "ServiceUnavailableError"],
    withOption: [2, "ServiceUnavailableError"]
  }],
  name: [{
    given: { name: "invoices" },
    replies: grant,
    observe: ({ endpoint }) => Effect.sync(() => endpoint.labels?.client),
    byDefault: undefined,
    withOption: "invoices"
  }],
  budget: [{
    given: { budget: "1 second" },
    replies: () => Effect.never,
    observe: resultAfter(5),
    byDefault: [1, "none yet"],
    withOption: [1, "TokenTimeoutError"]
  }],
  attemptTimeout: [{
    given: { attemptTimeout: "1 second" },
    replies: () => Effect.never,
    observe: resultAfter(1.5),
    byDefault: [1, "none yet"],
    withOption: [2, "none yet"]
  }],
  onNarrowedScope: [{
    given: { onNarrowedScope: "fail" },
    replies: grant,
    observe: resultAfter(1, ["user_info", "read_wallet"]),
    byDefault: [1, "token"],
    withOption: [1, "InvalidScopeError"]
  }]
}
