/*
 * The mediator in the servers that people use, each over a real socket (M8, row 147), and a page without this library
 * that speaks to it by plain fetch.
 */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { mountings, origin, quiet } from "./support/mountings.js"

const own = { "content-type": "application/json", cookie: "session=alice", "sec-fetch-site": "same-origin", origin }
const userInfo = JSON.stringify({ scopes: ["user_info"], principal: "alice" })

const ask = (url: string, init: RequestInit = {}) =>
  Effect.promise(async () => {
    const response = await fetch(url, { method: "POST", headers: own, body: userInfo, ...init })
    const body: unknown = await response.json()
    return { status: response.status, headers: Object.fromEntries(response.headers), body }
  })

const safe = {
  "cache-control": "no-store",
  "cross-origin-resource-policy": "same-origin",
  "x-content-type-options": "nosniff"
}

/** What a mediator refuses, and its response to that. */
const refused: ReadonlyArray<readonly [string, RequestInit, number]> = [
  ["a page of another origin", { headers: { ...own, origin: "https://evil.example" } }, 403],
  ["a GET", { method: "GET", body: null }, 405],
  ["a body of text", { headers: { ...own, "content-type": "text/plain" } }, 415],
  ["a body of 20 kB", { body: JSON.stringify({ scopes: ["user_info"], more: "a".repeat(20_000) }) }, 413],
  ["a body without scopes", { body: "{}" }, 400],
  ["a visitor without a session", { headers: { ...own, cookie: "other=1" } }, 401],
  ["another user's page", { headers: { ...own, cookie: "session=bob" } }, 403]
]

describe.each(Object.entries(mountings))("%s (M8, row 147)", (_, mounted) => {
  const mountedIt = (title: string, run: (url: string) => Effect.Effect<void, never, Scope.Scope>) =>
    it.scopedLive(title, () => Effect.provide(Effect.flatMap(mounted, run), quiet))

  mountedIt("a page gets its token (M8, row 147)", (url) =>
    Effect.gen(function*() {
      expect(yield* ask(url)).toMatchObject({
        status: 200,
        headers: { ...safe, "content-type": "application/json" },
        body: { token_type: "Bearer", scope: "user_info" }
      })
    }))

  mountedIt(
    "the mediator itself answers what it refuses, and serves the next page (M8, row 147)",
    (url) =>
      Effect.gen(function*() {
        for (const [what, init, status] of refused) {
          const answer = yield* ask(url, init)
          expect([what, answer]).toMatchObject([what, { status, headers: safe, body: { retryable: false } }])
        }
        expect((yield* ask(url)).status).toBe(200)
      })
  )
})

it.scopedLive("a page without this library gets a token by fetch, and another one for a rejected one (M8)", () =>
  Effect.gen(function*() {
    const url = yield* mountings["node:http"] ?? Effect.dieMessage("no server")

    /** As docs/mediator.md says, word for word. */
    const hashOf = (token: string): number => {
      let rejected = 0x811c9dc5
      for (const byte of new TextEncoder().encode(token)) rejected = Math.imul(rejected ^ byte, 0x01000193)
      return rejected >>> 0
    }

    const askedAt = Date.now()
    const tokenOf = (rejected?: string) =>
      Effect.promise(async () => {
        const response = await fetch(url, {
          method: "POST",
          headers: own,
          body: JSON.stringify({
            scopes: ["user_info"],
            principal: "alice",
            ...(rejected !== undefined && { rejected: hashOf(rejected) })
          })
        })
        const { access_token, expires_in } = await response.json()
        return { token: String(access_token), until: askedAt + Number(expires_in) * 1000 }
      })

    const first = yield* tokenOf()
    expect(first.until - askedAt).toBeGreaterThan(3500 * 1000)
    expect((yield* tokenOf()).token).toBe(first.token)
    const second = yield* tokenOf(first.token)
    expect(second.token).not.toBe(first.token)
    expect((yield* tokenOf(first.token)).token).toBe(second.token)
  }).pipe(Effect.provide(quiet)))
