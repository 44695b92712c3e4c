import { TestAccessToken } from "@effect-tilia/testing"
import { describe, expect, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Newest from "../../../src/internal/tokenSource/newest.js"

/** A token issued so many milliseconds after 1970. */
const issuedAt = (millis: number) => TestAccessToken.make({ issuedAt: DateTime.unsafeMake(millis) })

describe("T6: what a source has seen", () => {
  it.effect.each(
    [
      // generation, issuedAt: of each token that was held, the last one in the store; whether that is news
      ["nothing yet", [], [1, 0], true],
      ["the same one", [[5, 100]], [5, 100], false],
      ["an older one, though issued later", [[5, 100]], [4, 200], false],
      ["a newer one, though another's clock says that it is older", [[5, 100]], [6, 50], true],
      ["one that isn't newer than the newest of several", [[7, 100], [5, 300]], [6, 400], false],
      ["one that is", [[7, 100], [5, 300]], [8, 400], true],
      ["one issued before what came past the store", [[5, 100], [undefined, 300]], [6, 200], false],
      ["one issued at that moment", [[5, 100], [undefined, 300]], [6, 300], false],
      ["one issued after it", [[5, 100], [undefined, 300]], [6, 301], true],
      ["one issued between two that came past it", [[undefined, 300], [undefined, 200]], [6, 250], false],
      ["an old one again, after one that came past it", [[5, 100], [undefined, 300]], [5, 400], false]
    ] as const
  )("%s", ([_, held, [generation, at], isNews]) =>
    Effect.gen(function*() {
      let newest = Newest.none
      for (const [generation, at] of held) {
        newest = Newest.add(newest, { token: yield* issuedAt(at), generation })
      }
      expect(Newest.isOlderThan(newest, { token: yield* issuedAt(at), generation })).toBe(isNews)
    }))
})
