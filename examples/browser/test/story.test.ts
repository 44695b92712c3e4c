/*
 * What the page tells while a visitor tries it: counts, lines, and what the source is doing.
 */
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Page } from "playwright"
import * as DemoServer from "../src/DemoServer.js"
import { ChromiumLive, demo, profile, reader as readerOf, tab } from "./support/Chromium.js"
import { isFailedLoad, record } from "./support/Record.js"

/** Notes each state that the page shows from now on, with the name of the token that it shows. */
const watchStates = (page: Page) =>
  Effect.promise(async () => {
    const states: Array<{ readonly title: string; readonly token: string }> = []
    await page.exposeFunction("noteState", (title: string, token: string) => void states.push({ title, token }))
    await page.evaluate(() => {
      const text = (id: string) => document.getElementById(id)?.textContent
      const note = () => Reflect.get(globalThis, "noteState")(text("state"), text("name"))
      note()
      new MutationObserver(note).observe(document.getElementById("state") ?? document.body, { childList: true })
    })
    return states
  })

/** The parts of the page that are not wholly on the screen, although the page is not scrolled. */
const hidden = (page: Page) =>
  page.evaluate(() => {
    const seen = "h1, #docs, #state, #left, #lifetime, #state-text, .facts dd, .steps li, button, #another, #log"
    const parts = [...document.querySelectorAll(seen)].filter((part) => {
      const { bottom, left, right, top } = part.getBoundingClientRect()
      return top < 0 || left < 0 || right > innerWidth || bottom > innerHeight
    })
    return { scrolled: scrollY, parts: parts.map((part) => `${part.id} ${part.textContent}`) }
  })

layer(ChromiumLive, { excludeTestServices: true, timeout: "60 seconds" })("what the demo's page tells", (it) => {
  it.scoped("the demo's page counts the calls of the tab and those that failed, while it keeps calling", () =>
    Effect.gen(function*() {
      const reader = yield* tab(yield* profile())
      const { happens, press, sees } = reader
      expect([yield* reader.text("calls"), yield* reader.text("failed")]).toStrictEqual(["0", "0"])
      yield* press("Call the API")
      yield* sees("calls", /^1$/)
      yield* press("Revoke the token")
      yield* press("Call the API")
      yield* sees("calls", /^2$/) // a call that is repeated is one call
      yield* press("Keep calling")
      yield* sees("calls", /^4$/)
      expect(yield* reader.text("failed")).toBe("0")

      yield* press("Log out")
      yield* sees("failed", /^2$/) // the page goes on calling
      yield* press("Keep calling")
      yield* happens("You: stop calling the API")
      const failed = Number(yield* reader.text("failed"))
      yield* press("Call the API")
      yield* sees("failed", new RegExp(`^${failed + 1}$`))
      expect(Number(yield* reader.text("calls"))).toBeGreaterThanOrEqual(4 + failed + 1)
    }).pipe(Effect.provide(demo("1 hour"))))

  it.scoped("the demo's page adds a line for each thing that the visitor does, and the console shows no error", () =>
    Effect.gen(function*() {
      const own = yield* profile()
      const { errors } = record(own)
      const reader = yield* tab(own)
      const { happens, page, press, sees } = reader
      yield* press("Keep calling")
      yield* press("Keep calling")
      yield* press("Revoke the token")
      yield* press("Token endpoint down")
      yield* Effect.promise(() => page.locator("#outage[aria-pressed=true]").waitFor())
      yield* press("Token endpoint down")
      yield* Effect.promise(() => page.locator("#outage[aria-pressed=false]").waitFor())
      yield* press("Log in as Bob")
      yield* happens("Bob is logged in")
      yield* press("Log out")
      yield* happens("No user is logged in")
      yield* press("Log in as Alice")
      yield* happens("Alice is logged in", 2)
      yield* press("Call the API")
      yield* sees("calls", /[1-9]/)
      const popup = page.waitForEvent("popup")
      yield* Effect.promise(() => page.getByRole("link", { name: "Open another tab" }).click())
      yield* Effect.promise(() => popup)
      yield* happens("You: open another tab")
      expect((yield* reader.events).filter((line) => line.startsWith("You: "))).toStrictEqual([
        "You: keep calling the API",
        "You: stop calling the API",
        "You: revoke the token",
        "You: take the token endpoint down",
        "You: end the outage",
        "You: log in as Bob",
        "You: log out",
        "You: log in as Alice",
        "You: call the API",
        "You: open another tab"
      ])
      expect(errors().filter((line) => !isFailedLoad(line))).toStrictEqual([])
    }).pipe(Effect.provide(demo("1 hour"))))

  it.scoped("the demo's page shows what its source is doing through an outage and after it", () =>
    Effect.gen(function*() {
      const reader = yield* tab(yield* profile())
      const { page, press, sees } = reader
      const states = yield* watchStates(page)
      yield* press("Keep calling")
      yield* press("Token endpoint down")
      yield* sees("state", /^Cooling down until \d\d:\d\d:\d\d$/)
      expect(Number(yield* reader.text("failed"))).toBeGreaterThan(0)
      yield* press("Token endpoint down")
      yield* sees("state", /^Fresh$/)
      const titles = states.map(({ title }) => title)
      const coolDown = titles.findIndex((title) => title.startsWith("Cooling down until"))
      expect(titles[0]).toBe("Fresh")
      expect(titles.indexOf("Getting a token")).toBeGreaterThan(0)
      expect(coolDown).toBeGreaterThan(titles.indexOf("Getting a token"))
      expect(titles.lastIndexOf("Fresh")).toBeGreaterThan(coolDown)
      const withToken = states.filter(({ token }) => token !== "none").map(({ title }) => title)
      expect([...new Set(withToken)].filter((title) => !["Fresh", "Due", "Refreshing"].includes(title))).toStrictEqual(
        []
      )
    }).pipe(Effect.provide(demo("6 seconds"))))

  it.scoped("the demo's page shows that its source is refreshing as long as the server does not respond", () =>
    Effect.gen(function*() {
      const { url } = yield* DemoServer.DemoServer
      const own = yield* profile()
      const page = yield* Effect.promise(() => own.newPage())
      const { press, sees } = readerOf(page)
      yield* Effect.promise(() => page.clock.install())
      yield* Effect.promise(() => page.goto(url))
      yield* sees("state", /^Fresh$/)
      yield* Effect.promise(() => page.route("**/tilia/token", () => {})) // no response
      yield* Effect.promise(() => page.clock.fastForward("52:00")) // after the mark, 51 minutes
      yield* sees("state", /^Refreshing$/)
      yield* press("Call the API")
      yield* sees("outcome", "200")
      yield* press("Revoke the token")
      yield* press("Call the API")
      yield* sees("state", /^Getting a token$/)
    }).pipe(Effect.provide(demo("1 hour"))))

  it.scoped("a phone shows all buttons and their effects on one screen, through an outage too", () =>
    Effect.gen(function*() {
      const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }
      const { page, press, sees } = yield* tab(yield* profile(phone))
      const all = { scrolled: 0, parts: [] }
      expect(yield* Effect.promise(() => hidden(page))).toStrictEqual(all)
      yield* press("Keep calling")
      yield* press("Revoke the token")
      yield* press("Token endpoint down")
      yield* sees("failed", /[1-9]/)
      expect(yield* Effect.promise(() => hidden(page))).toStrictEqual(all)
      yield* sees("state", "Cooling down until")
      expect(yield* Effect.promise(() => hidden(page))).toStrictEqual(all)
    }).pipe(Effect.provide(demo("6 seconds"))))

  it.scoped("the demo's page links to its documentation, which its own server has", () =>
    Effect.gen(function*() {
      const { page } = yield* tab(yield* profile())
      yield* Effect.promise(() => page.getByRole("link", { name: "Documentation" }).click())
      yield* Effect.promise(() => page.waitForURL("**/docs/browser.md"))
      expect(yield* Effect.promise(() => page.locator("body").innerText())).toContain("# In a browser")
    }).pipe(Effect.provide(demo())))
})
