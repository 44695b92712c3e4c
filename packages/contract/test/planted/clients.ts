/*
 * The suite for clients that break the contract, each in one way. `adapterContract.test.ts` runs this file and reads
 * which tests have failed. It is not a test by itself.
 */
import { adapterContract } from "@effect-tilia/contract/adapterContract"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as Layer from "effect/Layer"

type Fetch = typeof fetch

/** Returns a response only when its last byte has arrived. Waits 10 seconds for it: some bodies never end. */
const buffered: Fetch = async (input, init) => {
  const response = await fetch(input, init)
  const tooLate = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Error("The body did not end.")), 10_000).unref()
  })
  await Promise.race([response.clone().arrayBuffer(), tooLate])
  return response
}

/** Follows a redirect unless it leads to another origin. */
const loyal: Fetch = async (input, init) => {
  const response = await fetch(input, init)
  const target = new URL(response.headers.get("location") ?? "data:,", String(input))
  return response.status >= 300 && response.status < 400 && target.origin === new URL(String(input)).origin
    ? loyal(target, init)
    : response
}

/** Sends a request a second time after an error that may be over soon, as a client with retries of its own. */
const persistent = (hasWait: boolean): Fetch => async (input, init) => {
  const response = await fetch(input, init)
  const mayBeOver = [401, 408, 425, 429, 500, 502, 503, 504].includes(response.status)
  return mayBeOver && response.headers.has("retry-after") === hasWait ? fetch(input, init) : response
}

/** Returns the cookies of a server to it. */
const withCookies = (): Fetch => {
  const jar = new Map<string, string>()
  return async (input, init) => {
    const { origin } = new URL(String(input))
    const headers = new Headers(init?.headers)
    const cookies = jar.get(origin)
    if (cookies !== undefined) headers.set("cookie", cookies)
    const response = await fetch(input, { ...init, headers })
    const [cookie] = response.headers.getSetCookie()
    if (cookie !== undefined) jar.set(origin, cookie.split(";")[0] ?? "")
    return response
  }
}

/** Sends the credentials of the body in a header as well. */
const withHeader = (name: string, encode: (credentials: string) => string): Fetch => async (input, init) => {
  const form = new URLSearchParams(await new Response(init?.body ?? null).text())
  const headers = new Headers(init?.headers)
  headers.set(name, encode(`${form.get("client_id")}:${form.get("client_secret")}`))
  return fetch(input, { ...init, headers })
}

const planted: Readonly<Record<string, Fetch>> = {
  "follows redirects": (input, init) => fetch(input, { ...init, redirect: "follow" }),
  "follows redirects to the same origin": loyal,
  "sends a request again after an error that says when": persistent(true),
  "sends a request again after an error that does not say when": persistent(false),
  "has a cookie jar": withCookies(),
  "puts the secret into an Authorization header": withHeader("authorization", (text) => `Basic ${btoa(text)}`),
  "puts the secret into a header in hex": withHeader("x-trace", (text) => Buffer.from(text).toString("hex")),
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
