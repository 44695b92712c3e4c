/*
 * The contract on clients that break it, each in one way. `adapterContract.test.ts` runs this file and reads what
 * failed; by itself it is no test.
 */
import { adapterContract } from "@effect-tilia/contract/adapterContract"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as Layer from "effect/Layer"

type Fetch = typeof fetch

/** Nothing is told of an answer before its last byte is here. */
const buffered: Fetch = async (input, init) => {
  const response = await fetch(input, init)
  await response.clone().arrayBuffer()
  return response
}

const planted: Readonly<Record<string, Fetch>> = {
  "follows redirects": (input, init) => fetch(input, { ...init, redirect: "follow" }),
  "buffers bodies": buffered,
  "swallows interruption": (input, init) => fetch(input, { ...init, signal: null }),
  // As an XMLHttpRequest tells of it.
  "reports status 0": (input, init) => fetch(input, init).catch(() => Response.error())
}

for (const [fault, fetch] of Object.entries(planted)) {
  adapterContract(
    fault,
    Layer.provide(FetchHttpClient.layer, Layer.succeed(FetchHttpClient.Fetch, fetch)),
    { decodesGzip: true, refuses407: true, refusesContinue: true }
  )
}
