/*
 * A page of another origin in a real browser can do nothing (M3): a page on another port of the same host, which shares
 * the cookies, and a page of another host. The browser says in each request where it comes from.
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { describe, expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { createServer } from "node:http"
import type { Page, Request } from "playwright"
import * as DemoServer from "../src/DemoServer.js"
import { ChromiumLive, demo, profile, tab } from "./support/Chromium.js"

/** A server with an empty page, on a port of its own. Returns the port. */
const otherServer = Effect.gen(function*() {
  const server = yield* NodeHttpServer.make(createServer, { host: "127.0.0.1", port: 0 })
  yield* server.serve(
    HttpServerResponse.html("<!doctype html><title>Another origin</title><link rel=icon href=data:,>")
  )
  return server.address._tag === "TcpAddress" ? server.address.port : 0
})

/** Each kind of request that a page of another origin can make, and what the browser gets for it. */
const ways = {
  "a JSON request": {
    comes: "net::ERR_FAILED",
    attack: (page: Page, url: string) =>
      page.evaluate((url) => {
        const headers = { "content-type": "application/json" }
        const body = JSON.stringify({ scopes: ["user_info"] })
        return fetch(url, { method: "POST", headers, body, credentials: "include" }).then(
          () => "a response",
          () => "none"
        )
      }, url).then((came) => expect(came).toBe("none"))
  },
  "a plain-text request in no-cors mode": {
    comes: "net::ERR_BLOCKED_BY_RESPONSE.NotSameOrigin",
    attack: (page: Page, url: string) =>
      page.evaluate(async (url) => {
        const body = JSON.stringify({ scopes: ["user_info"] })
        await fetch(url, { method: "POST", mode: "no-cors", body, credentials: "include" }).catch(() => {})
      }, url)
  },
  "a form": {
    comes: "403",
    attack: async (page: Page, url: string) => {
      await page.evaluate((url) => {
        const form = document.createElement("form")
        const field = document.createElement("input")
        form.method = "post"
        form.enctype = "text/plain"
        form.action = url
        field.name = "{\"scopes\":[\"user_info\"],\"x\":\""
        field.value = "\"}"
        form.append(field)
        document.body.append(form)
        form.submit()
      }, url)
      await page.waitForURL(url)
    }
  }
}

layer(ChromiumLive, { excludeTestServices: true, timeout: "60 seconds" })("a page of another origin", (it) => {
  for (const host of ["127.0.0.1", "localhost"]) {
    describe(host, () => {
      for (const [way, { attack, comes }] of Object.entries(ways)) {
        it.scoped(`the server refuses ${way} of a page on another port of ${host} before authorize runs (M3)`, () =>
          Effect.gen(function*() {
            const { url } = yield* DemoServer.DemoServer
            const port = yield* otherServer
            const own = yield* profile()
            const reader = yield* tab(own)
            yield* reader.press("Log in as Bob") // from now on there is a cookie
            yield* reader.sees("scopes", /^user_info$/)
            yield* reader.sees("requests", /^2$/)
            yield* reader.sees("mediated", /^2$/)

            const page = yield* Effect.promise(() => own.newPage())
            const came: Array<string> = []
            const note = (request: Request, what: string | undefined) =>
              void (request.url().startsWith(url) && came.push(`${what}`))
            page.on("response", (response) => note(response.request(), String(response.status())))
            page.on("requestfailed", (request) => note(request, request.failure()?.errorText))
            for (const path of ["/tilia/token", "/demo/down"]) {
              yield* Effect.promise(() => page.goto(`http://${host}:${port}/`))
              yield* Effect.promise(() => attack(page, `${url}${path}`))
            }
            expect(came).toStrictEqual([comes, comes])

            yield* Effect.sleep("1.5 seconds") // by then, the tab has polled the status again
            expect([yield* reader.text("mediated"), yield* reader.text("requests")]).toStrictEqual(["2", "2"])
            const outage = reader.page.getByRole("button", { name: "Token endpoint down", pressed: false })
            expect(yield* Effect.promise(() => outage.count())).toBe(1)
          }).pipe(Effect.provide(demo("1 hour"))))
      }
    })
  }
})
