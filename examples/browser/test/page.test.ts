/*
 * The demo's page, end to end.
 */
import * as Sandbox from "@effect-tilia/sandbox/Sandbox"
import { expect, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { ChromiumLive, demo, profile, type Reader, tab } from "./support/Chromium.js"
import { isFailedLoad, record, showing } from "./support/Record.js"

const call = ({ press, sees }: Reader) => Effect.zipRight(press("Call the API"), sees("outcome", /\d|Error/))

it("the search for a secret finds it in every encoding", () => {
  const secret = Sandbox.wellKnown.clientSecret
  const base64 = (text: string) => Buffer.from(text).toString("base64")
  for (
    const text of [
      secret.toUpperCase(),
      encodeURIComponent(encodeURIComponent(JSON.stringify({ secret }))),
      [...Buffer.from(secret)].map((byte) => `%${byte.toString(16)}`).join(""),
      base64(`id:${secret}`),
      base64(`ids:${secret}:`),
      base64(`${secret}`),
      Buffer.from(secret).toString("hex")
    ]
  ) expect(showing(secret)(`… ${text} …`), text).toBe(true)
  expect(showing(secret)(Sandbox.wellKnown.clientId)).toBe(false)
})

layer(ChromiumLive, { excludeTestServices: true, timeout: "60 seconds" })("the demo's page", (it) => {
  it.scoped("the demo's page gets a token at once, shows its lifetime, and calls the API", () =>
    Effect.gen(function*() {
      const own = yield* profile()
      const { errors } = record(own)
      const reader = yield* tab(own)
      expect(yield* reader.text("left")).toMatch(/^\d+\.\d s left of (29|30)\.0 s$/)
      yield* reader.sees("user", "Alice")
      yield* reader.sees("requests", /^1$/)
      yield* call(reader)
      expect(yield* reader.text("outcome")).toBe("200, accepted")
      expect(yield* reader.text("response")).toContain("write_invoices")
      expect(yield* reader.events).toStrictEqual([
        "Alice is logged in",
        "A new token, for user_info, write_invoices",
        "You: call the API",
        "Call of the API: 200, accepted"
      ])
      expect(errors()).toStrictEqual([])
    }).pipe(Effect.provide(demo())))

  it.scoped("the demo's page renews its token before it expires, with one request (S4)", () =>
    Effect.gen(function*() {
      const reader = yield* tab(yield* profile())
      const name = yield* reader.text("name")
      yield* reader.press("Keep calling")
      yield* reader.happens("A new token", 2)
      expect(yield* reader.text("name")).not.toBe(name)
      yield* reader.sees("requests", /^2$/)
      expect((yield* reader.events).filter((line) => line.startsWith("Call"))).toStrictEqual([
        "Call of the API: 200, accepted"
      ])
    }).pipe(Effect.provide(demo("6 seconds"))))

  it.scoped("the demo's page replays a call with a new token after its token is revoked (A2)", () =>
    Effect.gen(function*() {
      const own = yield* profile()
      const { errors } = record(own)
      const reader = yield* tab(own)
      const name = yield* reader.text("name")
      yield* reader.press("Revoke the token")
      yield* call(reader)
      yield* reader.happens("Call of the API")
      expect((yield* reader.events).slice(2)).toStrictEqual([
        "You: revoke the token",
        "You: call the API",
        "The API rejected the token, so the page dropped it",
        "A new token, for user_info, write_invoices",
        "Call of the API: 200, accepted"
      ])
      expect(yield* reader.text("name")).not.toBe(name)
      yield* reader.sees("requests", /^2$/)
      expect(errors().filter((line) => !isFailedLoad(line))).toStrictEqual([])
    }).pipe(Effect.provide(demo())))

  it.scoped("the demo's page works during an outage until its token expires, and recovers afterwards (S6, S7)", () =>
    Effect.gen(function*() {
      const own = yield* profile()
      const { errors } = record(own)
      const reader = yield* tab(own)
      yield* reader.press("Token endpoint down")
      yield* Effect.promise(() =>
        reader.page.getByRole("button", { name: "Token endpoint down", pressed: true }).waitFor()
      )
      yield* reader.press("Keep calling")
      yield* reader.happens("Call of the API: 200")
      yield* reader.happens("No new token (ServiceUnavailableError)")
      yield* reader.happens("Call of the API: ServiceUnavailableError")
      yield* reader.sees("name", /^none$/)
      yield* reader.press("Token endpoint down")
      yield* reader.happens("A new token", 2)
      yield* reader.happens("Call of the API: 200", 2)
      expect(errors().filter((line) => !isFailedLoad(line))).toStrictEqual([])
    }).pipe(Effect.provide(demo("6 seconds"))))

  it.scoped("three tabs share one token, and all of them lose it when one tab logs out (T1, M4)", () =>
    Effect.gen(function*() {
      const own = yield* profile()
      const { errors } = record(own)
      const first = yield* tab(own)
      const second = yield* tab(own)
      const third = yield* tab(own)
      const all = [first, second, third] as const
      const name = yield* first.text("name")
      expect(yield* Effect.all(all.map(({ text }) => text("name")))).toStrictEqual([name, name, name])
      yield* first.sees("requests", /^1$/)
      yield* first.sees("mediated", /^1$/)

      yield* second.press("Log out")
      yield* Effect.all(all.flatMap(({ sees }) => [sees("user", "no user"), sees("name", /^none$/)]))
      yield* call(third)
      yield* third.sees("outcome", "InvalidClientError")

      yield* third.press("Log in as Bob")
      yield* Effect.all(all.flatMap(({ sees }) => [sees("user", "Bob"), sees("left", "left of")]))
      const bobs = yield* first.text("name")
      expect(bobs).not.toBe(name)
      expect(yield* Effect.all(all.map(({ text }) => text("name")))).toStrictEqual([bobs, bobs, bobs])
      expect(yield* first.text("scopes")).toBe("user_info")
      expect(errors().filter((line) => !isFailedLoad(line))).toStrictEqual([])
    }).pipe(Effect.provide(demo())))

  it.scoped("the secret is nowhere in the browser: in no response, script, storage or console line (M1)", () =>
    Effect.gen(function*() {
      const own = yield* profile()
      const { texts } = record(own)
      const first = yield* tab(own)
      const second = yield* tab(own)
      yield* call(first)
      yield* first.press("Revoke the token")
      yield* first.press("Call the API")
      yield* first.happens("Call of the API: 200", 2)
      yield* first.press("Token endpoint down")
      yield* second.press("Log in as Bob")
      yield* second.happens("No new token")
      yield* second.press("Call the API")
      yield* second.happens("Call of the API: ServiceUnavailableError")
      yield* second.press("Token endpoint down")
      yield* second.press("Log out")
      yield* second.sees("user", "no user")
      yield* second.press("Call the API")
      yield* second.happens("Call of the API: InvalidClientError")

      const all = yield* texts
      // The search covers everything: the script, tokens, refusals, the API's responses and the browser's own lines.
      const of = (name: string) => all.filter(([where]) => where.endsWith(name)).map(([, text]) => text).join("\n")
      expect(of("/page.js")).toContain("Log")
      expect(of("/tilia/token")).toContain("access_token")
      expect(of("/tilia/token")).toContain("ServiceUnavailableError")
      expect(of("/whoami")).toContain(Sandbox.wellKnown.clientId)
      expect(of("console")).toContain("401")
      expect(of("cookies")).toContain("logged-out")
      expect(of("page")).toContain("Where the secret")
      const shows = showing(Sandbox.wellKnown.clientSecret)
      expect(all.filter(([, text]) => shows(text)).map(([where]) => where)).toStrictEqual([])
      for (const place of ["local", "session", "cookies", "databases", "caches"]) {
        expect(yield* first.text(place)).toBe("empty")
      }
    }).pipe(Effect.provide(demo())))
})
