/*
 * What a real page learns of a mediator that it cannot use (B3, M2), and that neither React's StrictMode nor a hot
 * reload costs a second request (M8).
 */
import { TokenSources } from "@effect-tilia/core"
import * as TokenMediatorServer from "@effect-tilia/core/TokenMediatorServer"
import { TestTokenEndpoint } from "@effect-tilia/testing"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { expect, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { build } from "esbuild"
import { createServer } from "node:http"
import { fileURLToPath } from "node:url"
import { type BrowserContext, chromium } from "playwright"
import { launch } from "../support/chromium.js"
import type {} from "./react.js"

interface Site {
  readonly url: string
  readonly context: () => Promise<BrowserContext>
  /** How often a mediator's `authorize` has run since the last time. */
  readonly asked: () => number
}

const Site = Context.GenericTag<Site>("Site")

const script = (name: string) =>
  Effect.promise(() =>
    build({
      entryPoints: [fileURLToPath(new URL(`${name}.ts`, import.meta.url))],
      bundle: true,
      conditions: ["@effect-tilia/source"],
      define: { "import.meta.hot": "globalThis.hot" },
      format: "esm",
      target: "es2022",
      write: false
    })
  ).pipe(
    Effect.map(({ outputFiles: [file] }) =>
      HttpServerResponse.text(file?.text ?? "", { contentType: "text/javascript" })
    )
  )

const policies = new Map<`/${string}`, string>([["/", "default-src 'self' blob:"], [
  "/closed",
  "default-src 'self'; connect-src 'none'"
]])

const make = Effect.gen(function*() {
  const address = yield* HttpServer.addressWith((address) =>
    Effect.succeed(address._tag === "TcpAddress" ? `http://127.0.0.1:${address.port}` : "")
  )
  const browser = yield* Effect.acquireRelease(
    Effect.promise(() => chromium.launch(launch())),
    (browser) => Effect.promise(() => browser.close())
  )
  let asked = 0
  const mediator = (origin: string) =>
    TokenMediatorServer.make({
      origin,
      authorize: () =>
        Effect.map(HttpServerRequest.HttpServerRequest, ({ cookies }) => {
          asked++
          return { principal: cookies["session"] ?? "alice", scopes: ["user_info"] }
        })
    })
  const page = `<!doctype html><title>Shop</title><script type="module" src="/react.js"></script>`
  let router = HttpRouter.empty.pipe(
    HttpRouter.all("/tilia/token", yield* mediator(address)),
    HttpRouter.all("/wrong/token", yield* mediator("https://www.shop.example"))
  )
  for (const [path, policy] of policies) {
    router = HttpRouter.get(
      router,
      path,
      HttpServerResponse.html(page).pipe(
        HttpServerResponse.setHeader("content-security-policy", policy)
      )
    )
  }
  for (const name of ["react", "worker", "frame", "hot"] as const) {
    router = HttpRouter.get(router, `/${name}.js`, Effect.succeed(yield* script(name)))
  }
  yield* Layer.build(HttpServer.serve(router))
  return {
    url: address,
    context: () => browser.newContext(),
    asked: () => {
      const count = asked
      asked = 0
      return count
    }
  }
})

const Live = Layer.scoped(Site, make).pipe(
  Layer.provide([
    NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 }),
    Layer.provide(TokenSources.layer(), TestTokenEndpoint.layer(TestTokenEndpoint.succeed({ claims: {} })))
  ]),
  Layer.orDie
)

const open = (path = "/") =>
  Effect.gen(function*() {
    const site = yield* Site
    const context = yield* Effect.acquireRelease(
      Effect.promise(site.context),
      (context) => Effect.promise(() => context.close())
    )
    site.asked()
    const page = yield* Effect.promise(async () => {
      const page = await context.newPage()
      await page.goto(`${site.url}${path}`)
      await page.waitForFunction(() => "shop" in window)
      return page
    })
    return { ...site, context, page }
  })

const token = { token: expect.stringMatching(/^eyJ/) }

layer(Live, { excludeTestServices: true, timeout: "1 minute" })("a page and its mediator", (it) => {
  it.scoped("a page learns that its Content-Security-Policy forbids the request, and asks once (B3)", () =>
    Effect.gen(function*() {
      const { asked, page } = yield* open("/closed")
      expect(yield* Effect.promise(() => page.evaluate(() => window.shop.outcomeOf("/tilia/token")))).toMatchObject({
        _tag: "TokenTransportError",
        reason: "Blocked",
        attempts: 1,
        message: expect.stringContaining("add its origin to connect-src")
      })
      expect(asked()).toBe(0)
    }))

  it.scoped("a worker that was made of a blob learns that a path has no origin there (B3)", () =>
    Effect.gen(function*() {
      const { asked, page } = yield* open()
      expect(yield* Effect.promise(() => page.evaluate(() => window.shop.inBlobWorker("/tilia/token")))).toMatchObject({
        _tag: "InvalidInputError",
        setting: "mediatorUrl",
        expected: "a whole URL, since a path has no origin here"
      })
      expect(asked()).toBe(0)
    }))

  it.scoped("a worker that was made of a blob gets a token by the whole URL of the mediator (B3)", () =>
    Effect.gen(function*() {
      const { asked, page, url } = yield* open()
      const outcome = page.evaluate((url) => window.shop.inBlobWorker(url), `${url}/tilia/token`)
      expect(yield* Effect.promise(() => outcome)).toStrictEqual(token)
      expect(asked()).toBe(1)
    }))

  it.scoped("a frame without an origin reaches the mediator, which refuses it for that (B3)", () =>
    Effect.gen(function*() {
      const { asked, page, url } = yield* open()
      const outcome = page.evaluate((url) => window.shop.inSandboxedFrame(url), `${url}/tilia/token`)
      // The page may not read the refusal, since it is of another origin.
      expect(yield* Effect.promise(() => outcome)).toMatchObject({ _tag: "TokenTransportError", reason: "Other" })
      expect(asked()).toBe(0)
    }))

  it.scoped("a page of another origin than the mediator's option learns that, and asks once (B3)", () =>
    Effect.gen(function*() {
      const { asked, page } = yield* open()
      expect(yield* Effect.promise(() => page.evaluate(() => window.shop.outcomeOf("/wrong/token")))).toMatchObject({
        _tag: "InvalidRequestError",
        status: 403,
        code: "wrong_origin",
        attempts: 1
      })
      expect(asked()).toBe(0)
    }))

  it.scoped("a real page gets no token of a user who has logged in in another tab (M2, row 142)", () =>
    Effect.gen(function*() {
      const { context, page, url } = yield* open()
      const outcome = Effect.promise(() => page.evaluate(() => window.shop.outcomeOf("/tilia/token", "alice")))
      expect(yield* outcome).toStrictEqual(token)
      yield* Effect.promise(() => context.addCookies([{ name: "session", value: "bob", url }]))
      expect(yield* outcome).toMatchObject({ _tag: "InvalidClientError", status: 403, code: "access_denied" })
    }))

  it.scoped("React's StrictMode mounts two components twice, and the mediator is asked once (M8)", () =>
    Effect.gen(function*() {
      const { asked, page } = yield* open()
      yield* Effect.promise(() => page.evaluate(() => window.shop.render()))
      const texts = yield* Effect.promise(async () => {
        await page.waitForFunction(() => [...document.querySelectorAll("output")].every(({ value }) => value !== ""))
        return page.locator("output").allTextContents()
      })
      expect(texts).toStrictEqual([token.token, token.token])
      const mounts = yield* Effect.promise(() => page.evaluate(() => window.shop.mounts))
      expect(mounts.filter((mount) => mount === "mounted").length).toBe(4)
      expect(mounts.filter((mount) => mount === "left").length).toBe(2)
      expect(asked()).toBe(1)
    }))

  it.scoped("the module that makes the runtime is loaded again by a hot reload, and the mediator is asked once (M8)", () =>
    Effect.gen(function*() {
      const { asked, page } = yield* open()
      /** Loads the module anew, as Vite does: at another address, with the data of the module before. */
      const reload = (keepsData: boolean) =>
        Effect.promise(() =>
          page.evaluate(
            ([url, keepsData]) => window.shop.loaded(url, keepsData),
            [`/hot.js?t=${Math.random()}`, keepsData] as const
          )
        )
      for (let n = 0; n < 3; n++) expect(yield* reload(true)).toStrictEqual(token.token)
      expect(asked()).toBe(1)
      yield* reload(false)
      expect(asked()).toBe(1) // without the data of the module before, it would be a second request
    }))
})
