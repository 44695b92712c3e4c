/*
 * Pages that a user has left and comes back to, in a real back-forward cache.
 */
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { describe } from "vitest"
import { launchWhole } from "../support/chromium.js"
import { layerWith, Shop } from "./Shop.js"

/**
 * Two tabs with a token, of which one has gone on to another page. `back` yields whether the browser has kept the page
 * in its back-forward cache.
 */
const leftForAnotherPage = Effect.gen(function*() {
  const { mediator, profile, tab } = yield* Shop
  const shared = mediator({ lifetime: "1 hour" })
  const context = yield* profile
  const [away, other] = yield* Effect.all([tab(context), tab(context)])
  for (const { logIn, press } of [away, other]) yield* Effect.zipRight(logIn(shared, "alice"), press("get"))
  const { page } = away
  yield* Effect.promise(() => page.evaluate(() => document.body.append("was here")))
  yield* Effect.promise(() => page.goto(`${page.url()}?next`))
  const back = Effect.promise(async () => {
    await page.goBack({ waitUntil: "commit" })
    const text = await page.evaluate(() => document.body.textContent)
    return text === "was here" ? "kept" : "loaded again"
  })
  return { away, back, other, shared }
})

const options = launchWhole()

describe.skipIf(options === undefined)("a browser with a back-forward cache", () => {
  layer(layerWith(options), { excludeTestServices: true, timeout: "60 seconds" })((it) => {
    it.scoped("a page in the back-forward cache stays there while another tab renews, and takes its token then (B1, row 143)", () =>
      Effect.gen(function*() {
        const { away, back, other, shared } = yield* leftForAnotherPage
        const renewed = yield* other.press("refused")
        expect(yield* back).toBe("kept")
        yield* Effect.sleep("500 millis")
        expect(yield* away.press("get")).toBe(renewed)
        expect(shared.requests()).toBe(2)
      }))

    it.scoped("a page in the back-forward cache has no token after a logout (B1, M4, row 143)", () =>
      Effect.gen(function*() {
        const { away, back, other } = yield* leftForAnotherPage
        yield* other.press("clear")
        expect(yield* back).toBe("kept")
        yield* Effect.sleep("500 millis")
        expect(yield* away.press("peek")).toBe(null)
        expect(yield* away.press("get")).toMatch(/-1$/)
      }))
  })
})
