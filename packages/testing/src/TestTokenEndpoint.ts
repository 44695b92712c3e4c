/**
 * A token endpoint whose answers are data: for tests of what depends on one. Time is the fiber's clock, so `TestClock` drives
 * it.
 *
 * @since 0.1.0
 */
import type { Scopes } from "@effect-tilia/core"
import { TokenEndpoint } from "@effect-tilia/core/TokenEndpoint"
import type { TokenError } from "@effect-tilia/core/TokenError"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestAccessToken from "./TestAccessToken.js"

/**
 * What comes of one request, and after how long.
 *
 * @since 0.1.0
 * @category models
 */
export interface Answer {
  readonly after?: Duration.DurationInput
  readonly outcome: "hang" | { readonly token: TestAccessToken.Options } | { readonly error: TokenError }
}

/**
 * A request as the endpoint saw it: `at` is in milliseconds since 1970; `isSingle` says that it wasn't to be tried again,
 * as a background refresh isn't.
 *
 * @since 0.1.0
 * @category models
 */
export interface Call {
  readonly at: number
  readonly scopes: Scopes.Input
  readonly isSingle: boolean
}

/**
 * What was asked so far, the first call first.
 *
 * @since 0.1.0
 * @category tags
 */
export class TestTokenEndpoint extends Context.Tag("@effect-tilia/testing/TestTokenEndpoint")<TestTokenEndpoint, {
  readonly calls: Effect.Effect<ReadonlyArray<Call>>
}>() {}

/**
 * A token: with the scopes that were asked for, unless said otherwise, and a text of its own for each request
 * (`token-1`, `token-2` …).
 *
 * @since 0.1.0
 * @category constructors
 */
export const succeed = (token: TestAccessToken.Options = {}): Answer => ({ outcome: { token } })

/**
 * A failure.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fail = (error: TokenError): Answer => ({ outcome: { error } })

/**
 * No answer, ever.
 *
 * @since 0.1.0
 * @category constructors
 */
export const hang: Answer = { outcome: "hang" }

/**
 * The same answer, so much later.
 *
 * @since 0.1.0
 * @category combinators
 */
export const after = (wait: Duration.DurationInput, answer: Answer): Answer => ({ ...answer, after: wait })

const play = (
  { after, outcome }: Answer,
  scopes: Scopes.Input,
  text: string
) =>
  Effect.suspend(() => {
    if (outcome === "hang") return Effect.never
    return "error" in outcome ? Effect.fail(outcome.error) : TestAccessToken.make({ scopes, text, ...outcome.token })
  }).pipe(after === undefined ? (self) => self : Effect.delay(after))

/**
 * An endpoint that gives these answers in turn, the last one for ever.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  first: Answer,
  ...others: ReadonlyArray<Answer>
): Layer.Layer<TestTokenEndpoint | TokenEndpoint> =>
  Layer.effectContext(Effect.sync(() => {
    const calls: Array<Call> = []
    const answers = [first, ...others]
    return Context.make(TestTokenEndpoint, { calls: Effect.sync(() => [...calls]) }).pipe(
      Context.add(TokenEndpoint, {
        requestToken: (scopes, options) =>
          Effect.flatMap(Clock.currentTimeMillis, (at) => {
            const answer = answers[Math.min(calls.length, others.length)] ?? first
            calls.push({ at, scopes, isSingle: options?.retry !== undefined })
            return play(answer, scopes, `token-${calls.length}`)
          })
      })
    )
  }))
