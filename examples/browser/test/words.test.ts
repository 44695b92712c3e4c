/*
 * What the page shows of a token and of its events.
 */
import { ServiceUnavailableError } from "@effect-tilia/core/TokenError"
import * as TokenEvent from "@effect-tilia/core/TokenEvent"
import { TestAccessToken } from "@effect-tilia/testing"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import * as Lifetime from "../src/page/Lifetime.js"
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
      [TokenEvent.Refreshed({ scopes, expiresAt }), { ...fresh, isSame: true }, "due", "The same token again: "],
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
