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
import type { Options } from "./internal/options.js"
import { transportRows } from "./internal/transport.js"

export type { Options }

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
    it("each key of the option `except` is the beginning of a test's title", () => {
      const isOne = (start: string) => titles.some((title) => title.startsWith(start))
      expect(Object.keys(options.except ?? {}).filter((start) => !isOne(start))).toStrictEqual([])
    })
  })
}
