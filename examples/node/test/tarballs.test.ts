/*
 * The public packages as the registry would serve them. npm installs them in an empty folder, with the versions of the
 * peers that the README names.
 */
import { Sandbox } from "@effect-tilia/sandbox"
import * as NodeSandbox from "@effect-tilia/sandbox/NodeSandbox"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { execFile } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { afterAll, beforeAll } from "vitest"

const root = resolve(import.meta.dirname, "../../..")
const readme = readFileSync(join(root, "README.md"), "utf8")
const folder = mkdtempSync(join(tmpdir(), "tarballs-"))
const installed = join(folder, "node_modules")

const run = (cwd: string, command: string, args: ReadonlyArray<string>, env: NodeJS.ProcessEnv = process.env) =>
  new Promise<{ readonly status: number; readonly output: string }>((done) => {
    execFile(command, args, { cwd, env, timeout: 240_000 }, (error, stdout, stderr) => {
      const status = error === null ? 0 : typeof error.code === "number" ? error.code : 1
      done({ status, output: `${stdout}${stderr}` })
    })
  })

/** Runs a command that must succeed, and returns its output. */
const must = async (...args: Parameters<typeof run>) => {
  const { output, status } = await run(...args)
  expect(status, output).toBe(0)
  return output
}

const manifest = (path: string) => JSON.parse(readFileSync(join(path, "package.json"), "utf8"))

const publicPackages = readdirSync(join(root, "packages"))
  .map((name) => join(root, "packages", name))
  .filter((path) => manifest(path).private !== true)

/** The peers with their versions, as `effect@^3.22.0`, from the install lines of the READMEs. */
const pinned = [readme, ...publicPackages.map((path) => readFileSync(join(path, "README.md"), "utf8"))]
  .flatMap((text) => /^npm install (.+)$/m.exec(text)?.[1]?.split(" ") ?? [])
  .filter((name) => !name.startsWith("@effect-tilia/"))

const [program = ""] = [...readme.matchAll(/^```ts\n([^]*?)^```/gm)].map(([, code]) => code)

const compilerOptions = { module: "nodenext", target: "es2022", strict: true, skipLibCheck: true, types: [] }

const clean = { PATH: process.env["PATH"] }

beforeAll(async () => {
  await must(root, "npx", ["tsc", "-b", "tsconfig.build.json"])
  for (const path of publicPackages) {
    await must(path, "npx", ["--yes", "pnpm@10.34.9", "pack", "--pack-destination", folder])
  }
  const tarballs = readdirSync(folder).filter((file) => file.endsWith(".tgz")).map((file) => `./${file}`)
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "tarballs", private: true, type: "module" }))
  await must(folder, "npm", ["install", "--no-audit", "--no-fund", ...new Set(pinned), ...tarballs])
  writeFileSync(join(folder, "main.ts"), program)
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["main.ts"] }))
}, 300_000)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe("packages from tarballs", () => {
  it("each package contains its README and its licence, and no tests", () => {
    for (const path of publicPackages) {
      const files = readdirSync(join(installed, manifest(path).name))
      expect(files).toEqual(expect.arrayContaining(["README.md", "LICENSE", "dist", "package.json"]))
      expect(files).not.toContain("test")
    }
  })

  it("the README's program compiles", async () => {
    await must(folder, join(root, "node_modules/.bin/tsc"), [])
    expect(readdirSync(folder)).toContain("main.js")
  }, 120_000)

  it.scopedLive("the README's program calls a sandbox, and names missing settings", () =>
    Effect.gen(function*() {
      const { url } = yield* NodeSandbox.NodeSandbox
      const { clientId, clientSecret } = Sandbox.wellKnown
      const settings = {
        ...clean,
        TILIA_CLIENT_ID: clientId,
        TILIA_CLIENT_SECRET: clientSecret,
        TILIA_SCOPES: "user_info",
        TILIA_API_ORIGINS: url,
        API_URL: `${url}/whoami`
      }
      const works = yield* Effect.promise(() =>
        must(folder, process.execPath, ["main.js"], { ...settings, TILIA_AUTH_URL: url })
      )
      expect(works).toContain("client_credentials") // one of the claims that /whoami returns
      const refused = yield* Effect.promise(() =>
        must(folder, process.execPath, ["main.js"], { ...settings, TILIA_AUTH_URL: url, TILIA_CLIENT_SECRET: clientId })
      )
      expect(refused).toContain("The server refused the client's credentials")
      const nothing = yield* Effect.promise(() => run(folder, process.execPath, ["main.js"], clean))
      expect(nothing.status).toBe(1)
      for (const name of ["TILIA_CLIENT_ID", "TILIA_CLIENT_SECRET", "TILIA_ENVIRONMENT", "TILIA_SCOPES"]) {
        expect(nothing.output).toContain(name)
      }
      expect(works + refused + nothing.output).not.toContain(clientSecret)
    }).pipe(Effect.provide(NodeSandbox.layer())), 120_000)

  it.scopedLive("the installed tilia prints a token, and names a missing setting", () =>
    Effect.gen(function*() {
      const { url } = yield* NodeSandbox.NodeSandbox
      const { clientId, clientSecret } = Sandbox.wellKnown
      const env = { ...clean, TILIA_AUTH_URL: url, TILIA_CLIENT_ID: clientId, TILIA_CLIENT_SECRET: clientSecret }
      const tilia = join(installed, ".bin/tilia")
      const token = yield* Effect.promise(() => must(folder, tilia, ["token", "--scopes", "user_info"], env))
      expect(token).toMatch(/^eyJ\S+\n$/)
      const nothing = yield* Effect.promise(() => run(folder, tilia, ["token"], clean))
      expect(nothing.status).toBe(2)
      expect(nothing.output).toContain("TILIA_CLIENT_ID is not set")
    }).pipe(Effect.provide(NodeSandbox.layer())), 120_000)

  it("every entry point can be imported in plain Node", async () => {
    const entries = publicPackages.flatMap((path) => {
      const { exports, name } = manifest(path)
      const modules = readdirSync(join(installed, name, "dist")).filter((file) => /^[A-Z].*\.js$/.test(file))
      return [
        ..."." in exports ? [name] : [],
        ..."./*" in exports ? modules.map((file) => `${name}/${file.slice(0, -3)}`) : []
      ]
    })
    expect(entries).toContain("@effect-tilia/core/TokenEndpoint")
    writeFileSync(join(folder, "imports.mjs"), entries.map((entry) => `await import("${entry}")`).join("\n"))
    await must(folder, process.execPath, ["imports.mjs"], clean)
  })
})
