/**
 * The contract between `TokenEndpoint` and the `HttpClient` under it, as a vitest suite: what goes wrong on the way,
 * and what a server may answer, byte by byte from a real socket (rows 1–56 of the fault matrix, but 2 and 11).
 *
 * @since 0.1.0
 */
import type { HttpClient } from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { describe, expect, it } from "vitest"
import { answerRows } from "./internal/answers.js"
import { exchangeRows } from "./internal/exchange.js"
import { transportRows } from "./internal/transport.js"
import type { ScriptedServer } from "./ScriptedServer.js"

/**
 * What opens the servers, and what a client can't do, or does in its own way. Each of these is still tested: the suite
 * expects what the option says, so an option that isn't true fails.
 *
 * - `server`: what opens the servers (`NodeScriptedServer.layer()`, which is imported only where it is needed). A page
 *   needs `RemoteScriptedServer`, over a `NodeScriptedServer.serve` that adds `access-control-allow-origin`.
 * - `trusting`: the same client, with a certificate authority to trust, in PEM form. Without it the tests of
 *   certificates that are wrong in one way only, and of one that is right, are skipped.
 * - `hidesReasons`: every failure on the way is `Other`, and so tried again; browsers tell nothing of it.
 * - `hidesRedirects`: of a redirect that it may not follow it shows nothing, neither status nor target; so do browsers.
 * - `setsAcceptEncoding`: it sends an `accept-encoding` of its own whatever it is told, as browsers do.
 * - `decodesGzip`: it decodes a body by its `content-encoding`, as `fetch` does.
 * - `refuses407`: it makes a failure of a 407 that comes from no proxy, as `fetch` must.
 * - `refusesContinue`: it takes a 100 that it didn't ask for as a broken answer, as undici does.
 * - `dropsRepeatedHeaders`: of a `retry-after` that comes twice it keeps the first, as `node:http` does.
 * - `keepsUpgraded`: it leaves a connection open that the server has switched to another protocol, as `node:http` does.
 * - `except`: tests to skip, by the beginnings of their names, each with the reason, which vitest reports. One that no
 *   name begins with is an error.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly server?: Layer.Layer<ScriptedServer> | undefined
  readonly trusting?: ((authority: string) => Layer.Layer<HttpClient, unknown>) | undefined
  readonly hidesReasons?: boolean | undefined
  readonly hidesRedirects?: boolean | undefined
  readonly setsAcceptEncoding?: boolean | undefined
  readonly decodesGzip?: boolean | undefined
  readonly refuses407?: boolean | undefined
  readonly refusesContinue?: boolean | undefined
  readonly dropsRepeatedHeaders?: boolean | undefined
  readonly keepsUpgraded?: boolean | undefined
  readonly except?: Readonly<Record<string, string>> | undefined
}

/** Imported when a test needs it: a page has no `node:net`. */
const nodeServer = Layer.unwrapEffect(
  Effect.map(Effect.promise(() => import("./NodeScriptedServer.js")), ({ layer }) => layer())
)

/**
 * Declares the suite, under this name, for a client that the given Layer makes; each test builds it anew. To be called
 * where a vitest file declares its tests.
 *
 * @example
 * import { adapterContract } from "@effect-tilia/contract/adapterContract"
 * import { FetchHttpClient } from "@effect/platform"
 *
 * adapterContract("fetch", FetchHttpClient.layer, { decodesGzip: true, refuses407: true, refusesContinue: true })
 *
 * @since 0.1.0
 * @category constructors
 */
export const adapterContract = (
  name: string,
  client: Layer.Layer<HttpClient, unknown>,
  options: Options = {}
): void => {
  describe(name, () => {
    const titles: Array<string> = []
    const subject = { ...options, client: Layer.orDie(client), server: options.server ?? nodeServer, titles }
    exchangeRows(subject)
    transportRows(subject)
    answerRows(subject)
    it("every exception is one to some test", () => {
      const isOne = (start: string) => titles.some((title) => title.startsWith(start))
      expect(Object.keys(options.except ?? {}).filter((start) => !isOne(start))).toStrictEqual([])
    })
  })
}
