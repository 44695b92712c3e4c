/*
 * The demo's pages in a Chromium. Each test has a server and a profile of its own.
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright"
import { launch } from "../../../../packages/browser/test/support/chromium.js"
import * as DemoServer from "../../src/DemoServer.js"

export class Chromium extends Context.Tag("Chromium")<Chromium, Browser>() {}

export const ChromiumLive = Layer.scoped(
  Chromium,
  Effect.acquireRelease(
    Effect.promise(() => chromium.launch(launch())),
    (browser) => Effect.promise(() => browser.close())
  )
)

/** A profile of the browser, with its own cookies and tabs. */
export const profile = (options?: BrowserContextOptions) =>
  Effect.flatMap(Chromium, (browser) =>
    Effect.acquireRelease(
      Effect.promise(() => browser.newContext(options)),
      (profile) => Effect.promise(() => profile.close())
    ))

export const demo = (tokenLifetime: Duration.DurationInput = "30 seconds") =>
  DemoServer.layer({ port: 0, tokenLifetime }).pipe(Layer.provide(Logger.minimumLogLevel(LogLevel.None)))

/** What a reader of the page can do and see. */
export const reader = (page: Page) => {
  const act = <A>(action: () => Promise<A>) => Effect.promise(action)
  const events = page.getByRole("log").getByRole("listitem")
  return {
    page,
    press: (name: string) => act(() => page.getByRole("button", { name, exact: true }).click()),
    text: (id: string) => act(() => page.locator(`#${id}`).innerText()),
    /** Waits until the element shows the text. */
    sees: (id: string, text: string | RegExp) => act(() => page.locator(`#${id}`).filter({ hasText: text }).waitFor()),
    /** Waits for an event with the text, or for several. */
    happens: (text: string | RegExp, times = 1) => act(() => events.filter({ hasText: text }).nth(times - 1).waitFor()),
    /** The events so far, the oldest first. Leaves out skipped tabs: on a busy machine, tabs may be too slow (T2). */
    events: act(async () =>
      (await events.locator("span").allInnerTexts()).filter((line) => !line.startsWith("The other tabs were skipped"))
        .reverse()
    )
  }
}

export type Reader = ReturnType<typeof reader>

/** A tab in which the page has loaded, and has its token. */
export const tab = Effect.fnUntraced(function*(profile: { readonly newPage: () => Promise<Page> }) {
  const { url } = yield* DemoServer.DemoServer
  const page = yield* Effect.promise(() => profile.newPage())
  yield* Effect.promise(() => page.goto(url))
  const opened = reader(page)
  yield* opened.sees("left", "left of")
  return opened
})
