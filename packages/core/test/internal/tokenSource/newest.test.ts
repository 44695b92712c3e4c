import { TestAccessToken } from "@effect-tilia/testing"
import { describe, expect, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Newest from "../../../src/internal/tokenSource/newest.js"

/** A token issued so many milliseconds after 1970. */
const issuedAt = (millis: number) => TestAccessToken.make({ issuedAt: DateTime.unsafeMake(millis) })

describe("Tokens that a source has seen (T6)", () => {
  it.effect.each(
    [
      // generation, issuedAt: of each token that was held, the last one in the store; whether that is news
      ["any stored token is newer for a source that has seen no token", [], [1, 0], true],
      ["the token that a source has seen last is not newer", [[5, 100]], [5, 100], false],
      ["a token of a smaller generation is not newer although it was issued later", [[5, 100]], [4, 200], false],
      [
        "a token of a larger generation is newer although another clock says that it is older",
        [[5, 100]],
        [6, 50],
        true
      ],
      ["a token is not newer if its generation is below the largest of several", [[7, 100], [5, 300]], [6, 400], false],
      ["a token is newer if its generation is above the largest of several", [[7, 100], [5, 300]], [8, 400], true],
      [
        "a token is not newer if it was issued before one that did not come from the store",
        [[5, 100], [undefined, 300]],
        [6, 200],
        false
      ],
      [
        "a token is not newer if it was issued together with one that did not come from the store",
        [[5, 100], [undefined, 300]],
        [6, 300],
        false
      ],
      ["a token is newer if it was issued after one that did not come from the store", [[5, 100], [undefined, 300]], [
        6,
        301
      ], true],
      [
        "a token is not newer if it was issued between two that did not come from the store",
        [[undefined, 300], [undefined, 200]],
        [6, 250],
        false
      ],
      [
        "a token of a seen generation is not newer after one that did not come from the store",
        [[5, 100], [undefined, 300]],
        [5, 400],
        false
      ]
    ] as const
  )("%s (T6)", ([_, held, [generation, at], isNews]) =>
    Effect.gen(function*() {
      let newest = Newest.none
      for (const [generation, at] of held) {
        newest = Newest.add(newest, { token: yield* issuedAt(at), generation })
      }
      expect(Newest.isOlderThan(newest, { token: yield* issuedAt(at), generation })).toBe(isNews)
    }))
})
