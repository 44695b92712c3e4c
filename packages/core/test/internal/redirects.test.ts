import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { refused, withoutRedirects } from "../../src/internal/redirects.js"

const settingsOf = (context: Context.Context<FetchHttpClient.RequestInit>) =>
  Context.get(context, FetchHttpClient.RequestInit)

const calling = (settings: RequestInit) => Context.make(FetchHttpClient.RequestInit, settings)

describe("Redirects in fetch (E3, A4)", () => {
  it("fetch is told not to follow redirects, whatever the settings say (E3, A4)", () => {
    expect(settingsOf(refused(Context.empty()))).toStrictEqual({ redirect: "manual" })
    expect(settingsOf(refused(Context.empty(), { redirect: "follow" }))).toStrictEqual({ redirect: "manual" })
    expect(settingsOf(refused(calling({ redirect: "follow" })))).toStrictEqual({ redirect: "manual" })
  })

  it("the other settings are kept, and those of the call win over the defaults (E3)", () => {
    const context = refused(calling({ cache: "no-store", mode: "cors" }), { mode: "same-origin", credentials: "omit" })
    expect(settingsOf(context)).toStrictEqual({
      credentials: "omit",
      mode: "cors",
      cache: "no-store",
      redirect: "manual"
    })
  })

  it("the other services of the context are kept (E3)", () => {
    class Other extends Context.Tag("test/Other")<Other, number>() {}
    expect(Context.get(refused(Context.make(Other, 1)), Other)).toBe(1)
  })

  it.effect("every call of a client without redirects tells fetch so, and keeps the user's settings (A4)", () =>
    Effect.gen(function*() {
      const seen: Array<RequestInit | undefined> = []
      const layer = Layer.provide(
        FetchHttpClient.layer,
        Layer.succeed(FetchHttpClient.Fetch, (_, init) => {
          seen.push(init)
          return Promise.resolve(new Response("ok"))
        })
      )
      const client = withoutRedirects(yield* Effect.provide(HttpClient.HttpClient, layer))
      const call = client.get("https://api.example/").pipe(
        Effect.provideService(FetchHttpClient.Fetch, (_, init) => {
          seen.push(init)
          return Promise.resolve(new Response("ok"))
        })
      )
      yield* call
      yield* Effect.provideService(call, FetchHttpClient.RequestInit, { credentials: "omit", redirect: "follow" })
      expect(seen).toMatchObject([{ redirect: "manual" }, { redirect: "manual", credentials: "omit" }])
    }))
})
