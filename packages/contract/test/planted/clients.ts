/*
 * The suite for clients that break the contract, each in one way. `adapterContract.test.ts` runs this file and reads
 * which tests have failed. It is not a test by itself.
 */
import { adapterContract } from "@effect-tilia/contract/adapterContract"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as Layer from "effect/Layer"

type Fetch = typeof fetch

/** Returns a response only when its last byte has arrived. */
const buffered: Fetch = async (input, init) => {
  const response = await fetch(input, init)
  await response.clone().arrayBuffer()
  return response
}

const planted: Readonly<Record<string, Fetch>> = {
  "follows redirects": (input, init) => fetch(input, { ...init, redirect: "follow" }),
  "buffers bodies": buffered,
  "swallows interruption": (input, init) => fetch(input, { ...init, signal: null }),
  // A client over XMLHttpRequest reports a refused connection in this way.
  "reports status 0": (input, init) => fetch(input, init).catch(() => Response.error())
}

for (const [fault, fetch] of Object.entries(planted)) {
  adapterContract(
    fault,
    Layer.provide(FetchHttpClient.layer, Layer.succeed(FetchHttpClient.Fetch, fetch)),
    { decodesGzip: true, refuses407: true, refusesContinue: true }
  )
}
