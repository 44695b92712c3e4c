/*
 * The page for every reader: by keyboard, by screen reader, in light and dark, and on a phone. Takes the pictures of
 * the documentation.
 */
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { mkdirSync } from "node:fs"
import { env } from "node:process"
import { fileURLToPath } from "node:url"
import type { Page } from "playwright"
import { ChromiumLive, demo, profile, type Reader, tab } from "./support/Chromium.js"

/** Where the pictures go. `SCREENSHOTS=docs` replaces those of the documentation, which a person must then look at. */
const pictures = fileURLToPath(
  new URL(env["SCREENSHOTS"] === "docs" ? "../../../docs/images/" : "../dist/images/", import.meta.url)
)

const focused = (page: Page) =>
  page.evaluate(() => {
    const element = document.activeElement
    const { outlineStyle, outlineWidth } = getComputedStyle(element ?? document.body)
    return { id: element?.id ?? "", isVisible: outlineStyle === "solid" && Number.parseFloat(outlineWidth) >= 2 }
  })

/** Every text whose contrast to its background is less than 4.5 to 1 (WCAG 2.2, 1.4.3). */
const faint = (page: Page) =>
  page.evaluate(() => {
    const canvas = document.createElement("canvas").getContext("2d")
    const channels = (color: string) => {
      if (canvas === null) return []
      canvas.clearRect(0, 0, 1, 1)
      canvas.fillStyle = color
      canvas.fillRect(0, 0, 1, 1)
      return [...canvas.getImageData(0, 0, 1, 1).data]
    }
    const luminance = (color: string) => {
      const [red = 0, green = 0, blue = 0] = channels(color).map((channel) => {
        const part = channel / 255
        return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
      })
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue
    }
    const behind = (element: Element | null): string => {
      if (element === null) return "white"
      const { backgroundColor } = getComputedStyle(element)
      return channels(backgroundColor)[3] === 0 ? behind(element.parentElement) : backgroundColor
    }
    return [...document.querySelectorAll("body *")]
      .filter((element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent?.trim()))
      .filter((element) => element.checkVisibility())
      .map((element) => {
        const [dark = 0, bright = 0] = [luminance(getComputedStyle(element).color), luminance(behind(element))].sort()
        return { text: element.textContent, contrast: (bright + 0.05) / (dark + 0.05) }
      })
      .filter(({ contrast }) => contrast < 4.5)
  })

/** Brings the page into a state that shows a call, a rejected token and an outage. */
const busy = (reader: Reader) =>
  Effect.gen(function*() {
    yield* reader.press("Call the API")
    yield* reader.happens("Call of the API")
    yield* reader.press("Revoke the token")
    yield* reader.press("Call the API")
    yield* reader.happens("Call of the API", 2)
    yield* reader.press("Token endpoint down")
    yield* Effect.promise(() =>
      reader.page.getByRole("button", { name: "Token endpoint down", pressed: true }).waitFor()
    )
    yield* Effect.promise(() => reader.page.mouse.move(0, 0))
    yield* Effect.sleep("5 seconds")
  })

layer(ChromiumLive, { excludeTestServices: true, timeout: "60 seconds" })("access to the demo's page", (it) => {
  it.scoped("the demo's page can be used by keyboard alone and shows the focus", () =>
    Effect.gen(function*() {
      const reader = yield* tab(yield* profile())
      const { page } = reader
      const key = (key: string) => Effect.promise(() => page.keyboard.press(key))
      const order: Array<string> = []
      for (let count = 0; count < 11; count++) {
        yield* key("Tab")
        const { id, isVisible } = yield* Effect.promise(() => focused(page))
        order.push(id)
        expect(isVisible, id).toBe(true)
        if (id === "call") {
          yield* key("Enter")
          yield* reader.sees("outcome", "200")
        }
        if (id === "keep" || id === "outage") {
          yield* key("Space")
          yield* Effect.promise(() => page.locator(`#${id}[aria-pressed="true"]`).waitFor())
        }
        if (id === "bob") {
          yield* key("Space")
          yield* reader.sees("user", "Bob")
        }
      }
      expect(order).toStrictEqual([
        "docs",
        "keep",
        "revoke",
        "outage",
        "call",
        "alice",
        "bob",
        "logout",
        "another",
        "log",
        "response"
      ])
    }).pipe(Effect.provide(demo())))

  it.scoped("each part of the demo's page has a role and a name for screen readers", () =>
    Effect.gen(function*() {
      const reader = yield* tab(yield* profile())
      yield* reader.press("Call the API")
      yield* reader.happens("Call of the API")
      const { page } = reader
      const said = yield* Effect.promise(() => page.locator("body").ariaSnapshot())
      for (
        const line of [
          "- banner:",
          "- main:",
          "- heading \"effect-tilia in a page\" [level=1]",
          "- region \"What the token source is doing now\":",
          "- meter \"The token’s lifetime\"",
          "- region \"Three steps to try\":",
          "- group \"More to try\":",
          "- button \"Call the API\"",
          "- button \"Keep calling\"",
          "- button \"Token endpoint down\"",
          "- link \"Documentation\":",
          "- link \"Open another tab\":",
          "- log \"Events\":",
          "- region \"The API’s response\":"
        ]
      ) expect(said).toContain(line)
      const meter = page.getByRole("meter")
      expect(yield* Effect.promise(() => meter.getAttribute("aria-valuetext"))).toMatch(/^\d+\.\d s left of \d+\.0 s$/)
      expect(yield* Effect.promise(() => meter.getAttribute("aria-valuemax"))).toMatch(/^(29|30)$/)
      expect(yield* Effect.promise(() => page.locator("html").getAttribute("lang"))).toBe("en")
    }).pipe(Effect.provide(demo())))

  it.scoped("the demo's page fits a phone, and a text of twice the size", () =>
    Effect.gen(function*() {
      const { page } = yield* tab(yield* profile({ viewport: { width: 320, height: 640 } }))
      const overflow = Effect.promise(() =>
        page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
      )
      expect(yield* overflow).toBe(0)
      yield* Effect.promise(() => page.setViewportSize({ width: 640, height: 640 }))
      yield* Effect.promise(() => page.evaluate(() => document.documentElement.style.setProperty("font-size", "32px")))
      expect(yield* overflow).toBe(0)
    }).pipe(Effect.provide(demo())))

  for (const colorScheme of ["light", "dark"] as const) {
    it.scoped(`every text of the demo's page has enough contrast in ${colorScheme} mode`, () =>
      Effect.gen(function*() {
        const reader = yield* tab(yield* profile({ colorScheme, viewport: { width: 1000, height: 800 } }))
        yield* busy(reader)
        const { page } = reader
        expect(yield* Effect.promise(() => faint(page))).toStrictEqual([])
        mkdirSync(pictures, { recursive: true })
        const path = `${pictures}demo-browser-${colorScheme}.png`
        const picture = yield* Effect.promise(() => page.screenshot({ fullPage: true, path }))
        expect(picture.length).toBeGreaterThan(20_000)
        const back = yield* Effect.promise(() => page.evaluate(() => getComputedStyle(document.body).backgroundColor))
        expect(back).toBe(colorScheme === "light" ? "rgb(244, 246, 245)" : "rgb(18, 22, 20)")
      }).pipe(Effect.provide(demo())))
  }
})
