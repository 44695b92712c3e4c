/**
 * A vitest suite that tests whether `TokenEndpoint` may run over an `HttpClient`. It runs against real sockets, which
 * send byte by byte what a broken server or network might send. The suite has some 130 tests and takes ten seconds.
 * A test that failed while the machine was too busy to tell is made again, at most twice.
 *
 * @example
 * import { adapterContract } from "@effect-tilia/contract/adapterContract"
 * import { FetchHttpClient } from "@effect/platform"
 *
 * adapterContract("fetch", FetchHttpClient.layer, { decodesGzip: true, refuses407: true, refusesContinue: true })
 *
 * @since 0.1.0
 */
import type { HttpClient } from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { describe, expect, it } from "vitest"
import type { Options } from "./internal/options.js"
import { declareRequestTests } from "./internal/requests.js"
import { declareResponseTests } from "./internal/responses.js"
import { declareTransportTests } from "./internal/transport.js"

export type { Options } from "./internal/options.js"

/** It is imported only when a test needs it, because a page has no `node:net`. */
const nodeServer = Layer.unwrapEffect(
  Effect.map(Effect.promise(() => import("./NodeScriptedServer.js")), ({ layer }) => layer())
)

/**
 * Declares the suite under this name. The client is built anew for each test. Call it where a vitest file declares its
 * tests.
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
    declareRequestTests(subject)
    declareTransportTests(subject)
    declareResponseTests(subject)
    it("each key of the option `except` is the beginning of a test's title", () => {
      const matchesTitle = (start: string) => titles.some((title) => title.startsWith(start))
      expect(Object.keys(options.except ?? {}).filter((start) => !matchesTitle(start))).toStrictEqual([])
    })
  })
}
