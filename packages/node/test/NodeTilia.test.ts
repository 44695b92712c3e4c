import * as NodeScriptedServer from "@effect-tilia/contract/NodeScriptedServer"
import { always, json } from "@effect-tilia/contract/ScriptedServer"
import { StoreEngine, TokenSource } from "@effect-tilia/core"
import { NodeTilia } from "@effect-tilia/node"
import { linesShowing } from "@effect-tilia/testing"
import { describe, expect, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { clientId, clientSecret, requestToken } from "./support/endpoint.js"

const token = { access_token: "abc", token_type: "Bearer", expires_in: "3600", scope: "user_info,write_invoices" }

const rotated = "8d2a0b6e-5f0e-4a57-9c3b-1f2e3d4c5b6a"

const configured = (settings: Readonly<Record<string, string>>) =>
  Layer.provide(
    NodeTilia.layerConfig(),
    Layer.setConfigProvider(ConfigProvider.fromMap(new Map(Object.entries({ TILIA_SCOPES: "user_info", ...settings }))))
  )

const secretFile = (content: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const folder = mkdtempSync(join(tmpdir(), "tilia-"))
      const path = join(folder, "secret")
      writeFileSync(path, content)
      return { folder, path }
    }),
    ({ folder }) => Effect.sync(() => rmSync(folder, { recursive: true }))
  ).pipe(Effect.map(({ path }) => path))

const server = Effect.flatMap(NodeScriptedServer.make(), ({ open }) => open(always(json(200, token))))

describe("NodeTilia.layer", () => {
  it.scopedLive("a program with NodeTilia.layer obtains a token", () =>
    Effect.gen(function*() {
      const { url } = yield* server
      const layer = NodeTilia.layer({ environment: { authUrl: url }, clientId, clientSecret, scopes: ["user_info"] })
      expect(Redacted.value((yield* Effect.provide(requestToken, layer)).value)).toBe("abc")
    }))

  it.scopedLive.each(["an option", "the context"])(
    "programs share their token through a store from %s (T1)",
    (from) =>
      Effect.gen(function*() {
        const { seen, url } = yield* server
        const store = Layer.succeed(StoreEngine.StoreEngine, yield* StoreEngine.makeMemory)
        const options = { environment: { authUrl: url }, clientId, clientSecret, scopes: ["user_info"] }
        const program = from === "an option"
          ? NodeTilia.layer({ ...options, store })
          : Layer.provide(NodeTilia.layer(options), store)
        for (let n = 0; n < 3; n++) {
          const token = yield* Effect.flatMap(TokenSource.TokenSource, ({ get }) => get).pipe(
            Effect.provide(Layer.fresh(program))
          )
          expect(Redacted.value(token.value)).toBe("abc")
        }
        expect((yield* seen).requests.length).toBe(1)
      })
  )

  it.effect.each<[string, Partial<NodeTilia.Options>]>([
    ["clientId", { clientId: "x" }],
    ["clientSecret", { clientSecret: "swordfish" }],
    ["authUrl", { environment: { authUrl: "http://swordfish@example.com" } }],
    ["apiOrigins", { environment: { authUrl: "https://example.com", apiOrigins: ["http://example.com"] } }],
    ["budget", { budget: 0 }],
    ["scopes", { scopes: [] }],
    ["refreshAt", { source: { refreshAt: 1 } }],
    ["proxy", { http: { proxy: "swordfish" } }]
  ])("NodeTilia.layer rejects a wrong value of %s and names it", ([setting, options]) =>
    Effect.gen(function*() {
      const layer = NodeTilia.layer({
        environment: { authUrl: "http://localhost:1" },
        clientId,
        clientSecret,
        scopes: ["user_info"],
        ...options
      })
      const error = yield* Effect.flip(Effect.scoped(Layer.build(layer)))
      expect(error).toMatchObject({ _tag: "InvalidInputError", setting })
      expect(linesShowing("swordfish", error)).toStrictEqual([])
    }))
})

describe("NodeTilia.layerConfig", () => {
  it.scopedLive("a program with NodeTilia.layerConfig obtains a token", () =>
    Effect.gen(function*() {
      const { url } = yield* server
      const layer = configured({ TILIA_CLIENT_ID: clientId, TILIA_CLIENT_SECRET: clientSecret, TILIA_AUTH_URL: url })
      expect(Redacted.value((yield* Effect.provide(requestToken, layer)).value)).toBe("abc")
    }))

  it.effect.each<[string, Readonly<Record<string, string>>]>([
    ["TILIA_CLIENT_ID", { TILIA_CLIENT_ID: "swordfish" }],
    ["TILIA_CLIENT_SECRET", { TILIA_CLIENT_SECRET: "swordfish" }],
    ["TILIA_CLIENT_SECRET_FILE", {
      TILIA_CLIENT_ID: clientId,
      TILIA_CLIENT_SECRET: clientSecret,
      TILIA_CLIENT_SECRET_FILE: "/run/x"
    }],
    ["TILIA_SCOPES", { TILIA_SCOPES: "user info" }],
    ["TILIA_ENVIRONMENT", { TILIA_ENVIRONMENT: "stagign" }],
    ["TILIA_AUTH_URL", { TILIA_AUTH_URL: "https://:swordfish@h.example" }]
  ])("NodeTilia.layerConfig rejects a wrong value of %s and names it", ([setting, settings]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Effect.scoped(Layer.build(configured(settings))))
      expect(String(error)).toContain(setting)
      expect(linesShowing("swordfish", error)).toStrictEqual([])
    }))

  it.effect("NodeTilia.layerConfig without any setting fails with an error that names each missing one", () =>
    Effect.gen(function*() {
      const layer = Layer.provide(NodeTilia.layerConfig(), Layer.setConfigProvider(ConfigProvider.fromMap(new Map())))
      const error = yield* Effect.flip(Effect.scoped(Layer.build(layer)))
      const settings = ["CLIENT_ID", "CLIENT_SECRET", "CLIENT_SECRET_FILE", "ENVIRONMENT", "SCOPES"]
      for (const setting of settings) expect(String(error)).toContain(`TILIA_${setting}`)
    }))
})

describe("TILIA_CLIENT_SECRET_FILE", () => {
  const fromFile = (path: string, url = "http://localhost:1") =>
    configured({ TILIA_CLIENT_ID: clientId, TILIA_CLIENT_SECRET_FILE: path, TILIA_AUTH_URL: url })

  it.scopedLive("the secret file is read again at each request, and one trailing newline is dropped", () =>
    Effect.gen(function*() {
      const { seen, url } = yield* server
      const path = yield* secretFile(`${clientSecret}\n`)
      yield* Effect.gen(function*() {
        yield* requestToken
        writeFileSync(path, `${rotated}\r\n`)
        yield* requestToken
      }).pipe(Effect.provide(fromFile(path, url)))
      const { requests } = yield* seen
      expect(requests[0]).toContain(`client_secret=${clientSecret}&`)
      expect(requests[1]).toContain(`client_secret=${rotated}&`)
    }))

  it.scopedLive.each(["", "swordfish", `${clientSecret}\n\n`, ` ${clientSecret}`])(
    "a secret file that holds %j causes an InvalidInputError that does not quote it",
    (text) =>
      Effect.gen(function*() {
        const path = yield* secretFile(text)
        const error = yield* requestToken.pipe(Effect.flip, Effect.provide(fromFile(path)))
        expect(error).toMatchObject({ _tag: "InvalidInputError", setting: "TILIA_CLIENT_SECRET_FILE" })
        for (const secret of ["swordfish", clientSecret]) expect(linesShowing(secret, error)).toStrictEqual([])
      })
  )

  it.scopedLive("a missing secret file causes a CredentialsError when a token is requested", () =>
    Effect.gen(function*() {
      const path = yield* secretFile(clientSecret)
      rmSync(path)
      const error = yield* requestToken.pipe(Effect.flip, Effect.provide(fromFile(path)))
      expect(error).toMatchObject({ _tag: "CredentialsError", retryable: false })
      expect(error.message).toContain("NotFound")
    }))

  it.scopedLive.each(["a folder", "a pipe without a writer", "a device without an end", "a file of 5 kB"])(
    "%s is no secret file: the request fails at once, and the process can exit",
    (what) =>
      Effect.gen(function*() {
        const path = yield* secretFile("x".repeat(5_000))
        const pipe = `${path}.pipe`
        execFileSync("mkfifo", [pipe])
        const paths = [join(path, ".."), pipe, "/dev/zero", path]
        const at = ["a folder", "a pipe without a writer", "a device without an end", "a file of 5 kB"].indexOf(what)
        const error = yield* requestToken.pipe(Effect.flip, Effect.provide(fromFile(paths[at] ?? "")))
        expect(error).toMatchObject({ _tag: "InvalidInputError", setting: "TILIA_CLIENT_SECRET_FILE" })
        expect(error.message).toContain("a regular file")
      })
  )
})
