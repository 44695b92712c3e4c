/*
 * An application with a mediator, in Node, and a Chromium that opens its pages. Each test opens its tabs in a profile
 * of its own.
 */
import { Tilia, TokenSources } from "@effect-tilia/core"
import * as TokenMediatorServer from "@effect-tilia/core/TokenMediatorServer"
import { Sandbox } from "@effect-tilia/sandbox"
import { SandboxHttpClient } from "@effect-tilia/testing"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { build } from "esbuild"
import { createServer } from "node:http"
import { fileURLToPath } from "node:url"
import { type BrowserContext, chromium, type LaunchOptions, type Page } from "playwright"
import { launch } from "../support/chromium.js"
import type { Settings } from "./tab.js"

/** A mediator that grants a new token for each request, and counts the requests. */
export interface Mediator {
  readonly url: string
  readonly requests: () => number
  /** When each request came, in milliseconds. */
  readonly times: () => ReadonlyArray<number>
}

/** Presses a button of a tab, and yields what the tab shows then. */
type Press = (button: "get" | "refused" | "peek" | "clear") => Effect.Effect<string | null>

/** What came of a call of `get`, as the page has measured it. */
export interface Got {
  /** The token, or the tag of the error. */
  readonly result: string
  readonly millis: number
}

/** A tab. */
export interface Opened {
  readonly page: Page
  readonly press: Press
  readonly skipped: Effect.Effect<ReadonlyArray<string>>
  readonly stored: Effect.Effect<string>
  /** A new user, or another one in place of the user who is logged in. */
  readonly logIn: (mediator: Pick<Mediator, "url">, principal?: string, settings?: Settings) => Effect.Effect<void>
  readonly got: Effect.Effect<Got>
  /** Gets the token again and again for this time; yields all results. */
  readonly use: (time: Duration.DurationInput) => Effect.Effect<ReadonlyArray<string>>
  /** How many messages the page has received on any channel since the last time. */
  readonly deliveries: Effect.Effect<number>
}

/** The application and the browser. */
export interface Shop {
  /** A new mediator of the application. */
  readonly mediator: (options: {
    /** The lifetime of its tokens. */
    readonly lifetime: Duration.DurationInput
    /**
     * The lifetime of all tokens but the first.
     *
     * @default lifetime
     */
    readonly laterLifetime?: Duration.DurationInput
    /**
     * How long it takes for the first request, the second, and so on. The last delay holds for all further requests.
     */
    readonly delays?: readonly [Duration.DurationInput, ...Array<Duration.DurationInput>]
    /**
     * Whether it answers every request with a 503.
     *
     * @default false
     */
    readonly isDown?: boolean
  }) => Mediator
  /** A `TokenMediatorServer` in front of the sandbox. `requests` counts the token requests that reach the sandbox. */
  readonly real: Mediator
  /** A new profile of the browser. */
  readonly profile: Effect.Effect<BrowserContext, never, Scope.Scope>
  /** Opens a tab. */
  readonly tab: (profile: BrowserContext) => Effect.Effect<Opened>
}

export const Shop: Context.Tag<Shop, Shop> = Context.GenericTag("Shop")

const script = Effect.promise(() =>
  build({
    entryPoints: [fileURLToPath(new URL("tab.ts", import.meta.url))],
    bundle: true,
    conditions: ["@effect-tilia/source"],
    format: "esm",
    target: "es2022",
    write: false
  })
).pipe(Effect.map(({ outputFiles: [file] }) => file?.text ?? ""))

const environment = { authUrl: SandboxHttpClient.url, apiOrigins: [SandboxHttpClient.url] }

const Tokens = TokenSources.layer().pipe(
  Layer.provide(Tilia.layer({ ...Sandbox.wellKnown, environment, scopes: ["user_info"] })),
  Layer.provideMerge(SandboxHttpClient.layer())
)

const opened = (page: Page): Opened => ({
  page,
  press: (button) => Effect.promise(() => page.evaluate((button) => window.tab[button](), button)),
  skipped: Effect.promise(() => page.evaluate(() => window.tab.skipped())),
  stored: Effect.promise(() => page.evaluate(() => window.tab.stored())),
  logIn: ({ url }, principal, settings) =>
    Effect.promise(() =>
      page.evaluate(async ([url, principal, settings]) => {
        if ("tab" in window) await window.tab.leave()
        window.tab = window.logIn(url, principal, settings)
      }, [url, principal, settings] as const)
    ),
  got: Effect.promise(() => page.evaluate(() => window.tab.got())),
  use: (time) => Effect.promise(() => page.evaluate((millis) => window.tab.use(millis), Duration.toMillis(time))),
  deliveries: Effect.promise(() => page.evaluate(() => window.deliveries.splice(0).length))
})

const make = Effect.fnUntraced(function*(options: LaunchOptions | undefined) {
  const mediators = new Map<string, {
    readonly lifetime: (count: number) => number
    readonly delay: (count: number) => Duration.DurationInput
    readonly isDown: boolean
    readonly times: Array<number>
  }>()
  const tokens = yield* Layer.build(Tokens)
  const sandbox = Context.get(tokens, Sandbox.Sandbox)
  const address = yield* HttpServer.addressWith((address) =>
    Effect.succeed(address._tag === "TcpAddress" ? `http://127.0.0.1:${address.port}/` : "")
  )
  const real = yield* TokenMediatorServer.make({
    origin: new URL(address).origin,
    authorize: () => Effect.succeed(["user_info"])
  }).pipe(Effect.provide(tokens))
  const page =
    `<!doctype html><title>Shop</title><link rel="icon" href="data:,"><script type="module" src="/tab.js"></script>`

  const app = HttpRouter.empty.pipe(
    HttpRouter.get("/", HttpServerResponse.html(page)),
    HttpRouter.get(
      "/tab.js",
      Effect.succeed(HttpServerResponse.text(yield* script, { contentType: "text/javascript" }))
    ),
    HttpRouter.all("/real", real),
    HttpRouter.post(
      "/:id/token",
      Effect.gen(function*() {
        const { id = "" } = yield* HttpRouter.params
        const mediator = yield* Effect.fromNullable(mediators.get(id))
        const count = mediator.times.push(Date.now()) - 1
        yield* Effect.sleep(mediator.delay(count))
        if (mediator.isDown) return HttpServerResponse.empty({ status: 503 })
        const access_token = `token-${id}-${count}`
        return HttpServerResponse.unsafeJson({
          access_token,
          token_type: "Bearer",
          expires_in: String(mediator.lifetime(count))
        })
      })
    )
  )
  yield* Layer.build(HttpServer.serve(app)).pipe(Effect.provide(tokens))
  const browser = yield* Effect.acquireRelease(
    Effect.promise(() => chromium.launch(options)),
    (browser) => Effect.promise(() => browser.close())
  )

  const shop: Shop = {
    mediator: (
      { delays: [first, ...others] = ["50 millis"], isDown = false, laterLifetime, lifetime: firstLifetime }
    ) => {
      const id = String(mediators.size)
      const delay = (count: number) => count === 0 ? first : others[count - 1] ?? others.at(-1) ?? first
      const lifetime = (count: number) =>
        Duration.toSeconds(count === 0 ? firstLifetime : laterLifetime ?? firstLifetime)
      const times: Array<number> = []
      mediators.set(id, { lifetime, delay, isDown, times })
      return { url: `/${id}/token`, requests: () => times.length, times: () => times }
    },
    real: {
      url: "/real",
      requests: () => Effect.runSync(sandbox.received).filter(({ path }) => path === "/token").length,
      times: () => []
    },
    profile: Effect.acquireRelease(
      Effect.promise(async () => {
        const context = await browser.newContext()
        await context.addInitScript(() => {
          const deliveries: Array<null> = []
          Object.assign(window, { deliveries })
          window.BroadcastChannel = class extends BroadcastChannel {
            constructor(name: string) {
              super(name)
              this.addEventListener("message", () => deliveries.push(null))
            }
          }
        })
        return context
      }),
      (profile) => Effect.promise(() => profile.close())
    ),
    tab: (profile) =>
      Effect.promise(async () => {
        const page = await profile.newPage()
        await page.goto(address)
        await page.waitForFunction(() => "logIn" in window)
        return opened(page)
      })
  }
  return shop
})

/** A shop, and the browser that these options launch. */
export const layerWith = (options: LaunchOptions | undefined) =>
  Layer.scoped(Shop, make(options)).pipe(
    Layer.provide(NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 })),
    Layer.orDie
  )

export const layer = layerWith(launch())
