/*
 * What the page shows of a token and of its events.
 */
import * as Telemetry from "@effect-tilia/core/Telemetry"
import { ServiceUnavailableError } from "@effect-tilia/core/TokenError"
import * as TokenEvent from "@effect-tilia/core/TokenEvent"
import { TestAccessToken } from "@effect-tilia/testing"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import * as Lifetime from "../src/page/Lifetime.js"
import * as SourceState from "../src/page/SourceState.js"
import * as Words from "../src/page/words.js"

const token = (text: string, at: number, lifetime: string & `${number} seconds`) =>
  Effect.runSync(TestAccessToken.make({ text, issuedAt: DateTime.unsafeMake(at), lifetime }))

describe("Lifetime", () => {
  it("Lifetime.follow shows what is left of a token's lifetime, and when its source requests the next token", () => {
    const lifetimeOf = Lifetime.follow()
    const one = token("one", 1000, "10 seconds")
    expect(lifetimeOf(one, 1000)).toMatchObject({ left: 10_000, fraction: 1, isDue: false })
    expect(lifetimeOf(one, 9000)).toMatchObject({ left: 2000, fraction: 0.2, isDue: false })
    expect(lifetimeOf(one, 9500)).toMatchObject({ left: 1500, isDue: true })
    expect(lifetimeOf(one, 60_000)).toMatchObject({ left: 0, fraction: 0, isDue: true })
    expect(lifetimeOf(one, 0), "a clock that was set back").toMatchObject({ left: 10_000, fraction: 1 })
  })

  it("Lifetime.follow goes on if the same token is returned again, and starts anew with another token", () => {
    const lifetimeOf = Lifetime.follow()
    expect(lifetimeOf(token("one", 0, "10 seconds"), 9000).fraction).toBe(0.1)
    expect(lifetimeOf(token("one", 9000, "1 seconds"), 9000).fraction).toBe(0.1)
    expect(lifetimeOf(token("two", 9000, "4 seconds"), 9000).fraction).toBe(1)
  })
})

describe("the words for an event", () => {
  const { scopes, expiresAt } = token("one", 0, "10 seconds")
  const error = new ServiceUnavailableError({ status: 503, attempts: 1 })
  const fresh = { hasToken: true, isSame: false }
  const none = { hasToken: false, isSame: false }
  for (
    const [event, now, level, text] of [
      [TokenEvent.Refreshed({ scopes, expiresAt }), fresh, "good", "A new token, for user_info"],
      [
        TokenEvent.Refreshed({ scopes, expiresAt }),
        { ...fresh, isSame: true },
        "due",
        "The same token again, and no newer one"
      ],
      [TokenEvent.RefreshFailed({ error }), fresh, "due", "the old one is still valid"],
      [TokenEvent.RefreshFailed({ error }), none, "bad", "there is no token now"],
      [TokenEvent.RefreshDied({ defect: "TypeError" }), none, "bad", "The request died"],
      [TokenEvent.Invalidated({ expiresAt }), none, "due", "The API rejected the token"],
      [TokenEvent.ScopeNarrowed({ missing: scopes }), fresh, "due", "The token lacks user_info"],
      [TokenEvent.StoreSkipped({ reason: "Slow" }), fresh, "due", "The other tabs were skipped (Slow)"]
    ] as const
  ) {
    it(`the page says "${text}" on the event ${event._tag}`, () => {
      const line = Words.ofEvent(now)(event)
      expect(line.level).toBe(level)
      expect(line.text).toContain(text)
    })
  }
})

describe("what the source is doing", () => {
  const idle = { isRefreshing: false, failure: undefined, coolDownUntil: undefined }
  const tag = "ServiceUnavailableError"
  const fresh = { name: "one", total: 10_000, left: 9000, fraction: 0.9, isDue: false }
  const due = { ...fresh, left: 1000, fraction: 0.1, isDue: true }
  for (
    const [known, lifetime, title, text] of [
      [idle, fresh, "Fresh", "Calls get the token at once."],
      [idle, due, "Due", "until shortly before it expires"],
      [{ ...idle, isRefreshing: true }, due, "Refreshing", "Calls still get this one at once"],
      [{ ...idle, failure: tag }, due, "Due", `No newer token yet (${tag})`],
      [idle, undefined, "No token", "The next call requests one."],
      [{ ...idle, isRefreshing: true, failure: tag }, undefined, "Getting a token", "Calls wait for it."],
      [{ ...idle, failure: tag }, undefined, "No token", "or gets that error if it is too soon"],
      [{ ...idle, failure: tag, coolDownUntil: 5001 }, undefined, "Cooling down until", "nothing is sent"],
      [{ ...idle, failure: tag, coolDownUntil: 5000 }, undefined, "No token", "The next call requests one."]
    ] as const
  ) {
    it(`the page says "${title}: ${text}"`, () => {
      const state = SourceState.of(known, lifetime, 5000)
      expect(state.title).toContain(title)
      expect(state.text).toContain(text)
    })
  }

  const error = new ServiceUnavailableError({ status: 503, attempts: 1 })
  const gather = Effect.runSync(Effect.map(SourceState.gather, (gathered) => ({
    ...gathered,
    refresh: <A>(effect: Effect.Effect<A>) =>
      Effect.runSync(effect.pipe(Effect.withSpan(Telemetry.refreshSpan), Effect.withTracer(gathered.tracer)))
  })))

  it("the page knows of a refresh as long as the span of the refresh lasts", () => {
    const { known, refresh } = gather
    expect(known().isRefreshing).toBe(false)
    expect(refresh(Effect.sync(() => known().isRefreshing))).toBe(true)
    expect(known().isRefreshing).toBe(false)
  })

  it("the page forgets a cool-down if a refresh begins, if the store is cleared, and if the tab is back", () => {
    const { known, onCall, onChange, onEvent, refresh } = gather
    for (
      const end of [() => refresh(Effect.void), () => onChange("Cleared"), () => onChange("Resumed")]
    ) {
      onEvent(TokenEvent.RefreshFailed({ error }))
      onCall(Duration.seconds(2), 1000)
      onCall(undefined, 1500)
      onChange("Settled")
      expect(known()).toStrictEqual({ isRefreshing: false, failure: error._tag, coolDownUntil: 3000 })
      end()
      expect(known().coolDownUntil).toBeUndefined()
    }
  })
})
