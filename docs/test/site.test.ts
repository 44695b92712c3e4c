/*
 * The built site: every link leads somewhere, every page can be read by everyone, and the answers can be found.
 */
import axe, { type AxeResults } from "axe-core"
import { readFileSync } from "node:fs"
import { env } from "node:process"
import type { Browser, BrowserContextOptions, Page } from "playwright"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { answers } from "./questions.js"
import { dist, fileOf, open, pages } from "./site.js"

let site: Awaited<ReturnType<typeof open>>
beforeAll(async () => {
  site = await open()
})
afterAll(() => site.close())

const withPage = async (options: BrowserContextOptions, use: (page: Page) => Promise<void>) => {
  const context: Awaited<ReturnType<Browser["newContext"]>> = await site.browser.newContext(options)
  try {
    await use(await context.newPage())
  } finally {
    await context.close()
  }
}

const desktop = { width: 1280, height: 900 }
const phone = { width: 390, height: 844 }

const html = (path: string) => readFileSync(fileOf(path) ?? "", "utf8")

const linksOf = (path: string) =>
  [...html(path).matchAll(/<a [^>]*href="([^"]+)"/g)].map(([, href = ""]) => href.replaceAll("&amp;", "&"))

describe("the site", () => {
  it("has no dead link and no dead anchor", () => {
    const ids = new Map(
      pages.map((path) => [path, new Set([...html(path).matchAll(/ id="([^"]+)"/g)].map(([, id]) => id))])
    )
    const dead = pages.flatMap((path) =>
      linksOf(path).filter((href) => !/^(https?|mailto):/.test(href)).filter((href) => {
        const { hash, pathname } = new URL(href, `http://site${path}`)
        if (/\.(png|svg|txt|md)$/.test(pathname)) return fileOf(pathname) === undefined
        const target = ids.get(pathname)
        return target === undefined || (hash !== "" && !target.has(decodeURIComponent(hash.slice(1))))
      }).map((href) => `${path}: ${href}`)
    )
    expect([...new Set(dead)]).toStrictEqual([])
  })

  it("has llms.txt, and each page as plain Markdown", () => {
    const list = readFileSync(`${dist}/llms.txt`, "utf8")
    for (const path of pages.filter((path) => path !== "/" && !path.endsWith("/"))) {
      expect(list).toContain(`${path}.md`)
      expect(readFileSync(`${dist}${path}.md`, "utf8")).toMatch(/^# /m)
    }
  })

  it.each(
    [
      ["at desktop width", { viewport: desktop, colorScheme: "light" }, env["CI"] === undefined ? pages : kinds()],
      ["at phone width in dark mode", { viewport: phone, colorScheme: "dark" }, kinds()]
    ] as const
  )("has nothing that axe objects to %s", (_, options, paths) =>
    withPage(options, async (page) => {
      const found: Array<string> = []
      for (const path of paths) {
        await page.goto(site.url + path)
        await page.addScriptTag({ content: axe.source })
        const { violations } = await page.evaluate<AxeResults>("axe.run()")
        found.push(
          ...violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${path} ${id} ${String(target)}`))
        )
        const width = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
        if (width > 0) found.push(`${path} is ${width} pixels wider than the screen`)
      }
      expect(found).toStrictEqual([])
    }), 600_000)

  it("shows the types of the examples on a hover", () =>
    withPage({ viewport: desktop }, async (page) => {
      await page.goto(`${site.url}/token`)
      await page.locator(".twoslash-hover", { hasText: "requestToken" }).first().hover()
      await page.locator(".twoslash-floating", { hasText: "TokenError" }).first().waitFor()
    }))
})

/** A page of each kind: they are styled alike, so colours and widths are those of all pages. All take five minutes. */
function kinds(): ReadonlyArray<string> {
  return [
    "/",
    "/why",
    "/start",
    "/playground",
    "/token",
    "/errors/InvalidClientError",
    "/performance",
    "/api/core/TokenSource"
  ]
}

/** Runs in the page, before its scripts: the timers that have not ended are in `pendingTimers`. */
const countTimers = () => {
  const pending = new Set<unknown>()
  const { clearInterval, clearTimeout, setInterval, setTimeout } = window
  Object.assign(window, {
    pendingTimers: pending,
    setTimeout: (handler: () => void, millis?: number) => {
      const id: unknown = setTimeout(() => {
        pending.delete(id)
        handler()
      }, millis)
      pending.add(id)
      return id
    },
    setInterval: (handler: () => void, millis?: number) => {
      const id: unknown = setInterval(handler, millis)
      pending.add(id)
      return id
    },
    clearTimeout: (id: number) => {
      pending.delete(id)
      clearTimeout(id)
    },
    clearInterval: (id: number) => {
      pending.delete(id)
      clearInterval(id)
    }
  })
}

describe("the search", () => {
  it("finds the answers to 25 questions among its first five pages", () =>
    withPage({ viewport: desktop }, async (page) => {
      await page.goto(`${site.url}/start`)
      const missed: Array<string> = []
      await page.locator("#local-search button").click()
      for (const { answer, search } of answers) {
        await page.locator("#localsearch-input").fill(search)
        const results = page.locator("#localsearch-list a")
        await results.first().waitFor()
        await page.waitForTimeout(300) // the list is made anew as one types
        const links = await results.evaluateAll((all) => all.map((link) => link.getAttribute("href") ?? ""))
        const found = [...new Set(links.map((link) => link.split("#")[0] ?? ""))].slice(0, 5)
        if (!found.includes(answer)) missed.push(`"${search}" finds ${found.join(", ")}, and not ${answer}`)
      }
      expect(answers.length).toBeGreaterThanOrEqual(25)
      expect(missed).toStrictEqual([])
    }))

  it("is not needed: the answers are within two clicks from the first page", () => {
    const first = new Set(linksOf("/").map((href) => new URL(href, "http://site/").pathname))
    const second = new Set(
      [...first].flatMap((path) =>
        fileOf(path) === undefined ? [] : linksOf(path).map((href) => new URL(href, `http://site${path}`).pathname)
      )
    )
    expect(answers.filter(({ answer }) => !first.has(answer) && !second.has(answer))).toStrictEqual([])
  })
})

describe("the playground", () => {
  const fact = (page: Page, name: string) => page.locator(`[data-fact=${name}]`).textContent()
  const line = (page: Page, text: string) => page.locator(".lines li", { hasText: text }).first().waitFor()
  const press = (page: Page, name: string) => page.getByRole("button", { name }).click()
  const withPlayground = (use: (page: Page) => Promise<void>) =>
    withPage({ viewport: desktop }, async (page) => {
      const errors: Array<string> = []
      page.on("pageerror", ({ message }) => errors.push(message))
      page.on("console", (message) => {
        if (message.type() === "error") errors.push(message.text())
      })
      await page.goto(`${site.url}/playground`)
      await page.locator(".playground[data-ready=true]").waitFor()
      await use(page)
      expect(errors).toStrictEqual([])
    })

  it("gets one token for many calls, and sends nothing", () =>
    withPlayground(async (page) => {
      const sent: Array<string> = []
      page.on("request", (request) => sent.push(request.url()))
      await press(page, "Keep calling")
      await page.waitForFunction(() => Number(document.querySelector("[data-fact=calls]")?.textContent) >= 10)
      expect(await fact(page, "requests")).toBe("1")
      expect(await fact(page, "failed")).toBe("0")
      expect(sent).toStrictEqual([])
    }))

  it("goes through an outage without a failed call while the token is valid, and recovers", () =>
    withPlayground(async (page) => {
      await press(page, "Call the API")
      await line(page, "POST /token: 200")
      await press(page, "Down (503)")
      await press(page, "Call the API")
      expect(await fact(page, "failed")).toBe("0")
      await press(page, "Sleep for 10 minutes")
      await press(page, "Call the API")
      await line(page, "A call failed: The server can't issue a token")
      await press(page, "Works")
      await page.waitForFunction(
        () => {
          document.querySelector<HTMLButtonElement>(".playground button")?.click()
          return document.querySelector(".lines li.good")?.previousElementSibling === null
        },
        undefined,
        { polling: 500 }
      )
    }))

  it("replaces a revoked token without a failed call", () =>
    withPlayground(async (page) => {
      await press(page, "Call the API")
      await line(page, "The source has a new token.")
      await press(page, "Revoke all tokens")
      await press(page, "Call the API")
      await line(page, "The API rejected the token")
      expect(await page.locator(".lines li.due").first().evaluate((item) => getComputedStyle(item).position)).toBe(
        "static"
      )
      await page.waitForFunction(() => document.querySelector("[data-fact=requests]")?.textContent === "2")
      expect(await fact(page, "failed")).toBe("0")
    }))

  it.each([["once it runs", true], ["before it runs", false]])(
    "stops %s when the reader goes on",
    (_, waits) =>
      withPage({ viewport: desktop }, async (page) => {
        await page.addInitScript(countTimers)
        await page.goto(`${site.url}/playground`)
        if (waits) await press(page, "Keep calling")
        await page.locator("a[href='/start']").first().click()
        await page.locator("h1", { hasText: "Start" }).waitFor()
        await page.waitForLoadState("networkidle")
        await page.waitForFunction("pendingTimers.size === 0")
      })
  )

  it("says what is wrong with a wrong secret, and does not show it", () =>
    withPlayground(async (page) => {
      await press(page, "Wrong secret")
      await press(page, "Call the API")
      await line(page, "The server refused the client's credentials")
      expect(await page.locator(".playground").textContent()).not.toContain("00000000-0000-4000")
    }))
})
