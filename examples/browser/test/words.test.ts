/*
 * What the page makes of a token, and of what happens to it.
 */
import { ServiceUnavailableError } from "@effect-tilia/core/TokenError"
import * as TokenEvent from "@effect-tilia/core/TokenEvent"
import { TestAccessToken } from "@effect-tilia/testing"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import * as Life from "../src/page/Life.js"
import * as Words from "../src/page/words.js"

const token = (text: string, at: number, lifetime: string & `${number} seconds`) =>
  Effect.runSync(TestAccessToken.make({ text, issuedAt: DateTime.unsafeMake(at), lifetime }))

describe("Life", () => {
  it("Life.follow shows what is left of a token's lifetime, and when its source requests the next token", () => {
    const lifeOf = Life.follow()
    const one = token("one", 1000, "10 seconds")
    expect(lifeOf(one, 1000)).toMatchObject({ left: 10_000, fraction: 1, isDue: false })
    expect(lifeOf(one, 9000)).toMatchObject({ left: 2000, fraction: 0.2, isDue: false })
    expect(lifeOf(one, 9500)).toMatchObject({ left: 1500, isDue: true })
    expect(lifeOf(one, 60_000)).toMatchObject({ left: 0, fraction: 0, isDue: true })
    expect(lifeOf(one, 0), "a clock that was set back").toMatchObject({ left: 10_000, fraction: 1 })
  })

  it("Life.follow goes on if the same token is returned again, and starts anew with another token", () => {
    const lifeOf = Life.follow()
    expect(lifeOf(token("one", 0, "10 seconds"), 9000).fraction).toBe(0.1)
    expect(lifeOf(token("one", 9000, "1 seconds"), 9000).fraction).toBe(0.1)
    expect(lifeOf(token("two", 9000, "4 seconds"), 9000).fraction).toBe(1)
  })
})

describe("the words for an event", () => {
  const { scopes, expiresAt } = token("one", 0, "10 seconds")
  const error = new ServiceUnavailableError({ status: 503, attempts: 1 })
  const fresh = { isThere: true, isSame: false }
  const none = { isThere: false, isSame: false }
  for (
    const [event, now, mood, text] of [
      [TokenEvent.Refreshed({ scopes, expiresAt }), fresh, "good", "A new token, for user_info"],
      [TokenEvent.Refreshed({ scopes, expiresAt }), { ...fresh, isSame: true }, "due", "The same token again: "],
      [TokenEvent.RefreshFailed({ error }), fresh, "due", "the old one still serves"],
      [TokenEvent.RefreshFailed({ error }), none, "bad", "there is none now"],
      [TokenEvent.Invalidated({ expiresAt }), none, "due", "The API refused the token"],
      [TokenEvent.ScopeNarrowed({ missing: scopes }), fresh, "due", "The token lacks user_info"],
      [TokenEvent.StoreSkipped({ reason: "Slow" }), fresh, "due", "Without the other tabs (Slow)"]
    ] as const
  ) {
    it(`the page says "${text}" on the event ${event._tag}`, () => {
      const line = Words.ofEvent(now)(event)
      expect(line.mood).toBe(mood)
      expect(line.text).toContain(text)
    })
  }
})
