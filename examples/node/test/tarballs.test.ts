/*
 * The public packages as the registry would serve them. The README's first call is made as a new user makes it: its
 * commands are read out of the README, and run in an empty folder. Then npm installs all packages, with the versions of
 * the peers that the READMEs name.
 */
import { Sandbox } from "@effect-tilia/sandbox"
import * as Connection from "@effect-tilia/sandbox/Connection"
import * as NodeSandbox from "@effect-tilia/sandbox/NodeSandbox"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { type ChildProcess, execFile, spawn } from "node:child_process"
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { afterAll, beforeAll } from "vitest"
import * as Runtimes from "./support/runtimes.js"

const root = resolve(import.meta.dirname, "../../..")
const readme = readFileSync(join(root, "README.md"), "utf8")
const folder = mkdtempSync(join(tmpdir(), "tarballs-"))
const withPnpm = mkdtempSync(join(tmpdir(), "tarballs-"))
const installed = join(folder, "node_modules")

/** A command that has not ended after this time is killed, and has failed. In milliseconds. */
const limit = 400_000

const run = (
  cwd: string,
  command: string,
  args: ReadonlyArray<string>,
  env: NodeJS.ProcessEnv = process.env,
  timeout = limit
) =>
  new Promise<{ readonly status: number; readonly output: string }>((done) => {
    execFile(command, args, { cwd, env, timeout, killSignal: "SIGKILL" }, (error, stdout, stderr) => {
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

const shell = (lines: string): [string, ReadonlyArray<string>] => ["sh", ["-ec", lines]]

const manifest = (path: string) => JSON.parse(readFileSync(join(path, "package.json"), "utf8"))

const publicPackages = readdirSync(join(root, "packages"))
  .map((name) => join(root, "packages", name))
  .filter((path) => manifest(path).private !== true)

/** The peers with their versions, as `effect@^3.22.0`, from the install lines of the READMEs. */
const pinned = publicPackages.map((path) => readFileSync(join(path, "README.md"), "utf8"))
  .flatMap((text) => /^npm install (.+)$/m.exec(text)?.[1]?.split(" ") ?? [])
  .filter((name) => !name.startsWith("@effect-tilia/"))

/** What the README's section for a new user has him paste, in its order. */
const [, firstCall = ""] = /^## Your first call\n([^]*?)^## /m.exec(readme) ?? []
const blocks = [...firstCall.matchAll(/^```(sh|ts)\n([^]*?)^```/gm)].map(([, language, text = ""]) => ({
  language,
  text
}))
const [inClone, npmInstall, pnpmInstall, program, call] = blocks.map(({ text }) => text)

/** The lines for the clone: the first makes tarballs, the second starts a sandbox. */
const [makeTarballs = "", startSandbox = ""] = (inClone ?? "").split("\n")

/** The README's folder beside the clone is one for temporary files here. */
const inPlace = (lines: string | undefined, folder: string): string => (lines ?? "").replace("../my-app", folder)

/** What a build does, but for emptying `dist`: the tests of other projects need what they have put there. */
const buildInPlace = (script: string): string =>
  script.replace(
    "pnpm build",
    "npx tsc -b tsconfig.build.json && node scripts/tilia.mjs packages/cli/dist/tilia.js"
  )

/** Nothing of the environment of this process but the place of Node. */
const clean = { PATH: process.env["PATH"] }

let sandbox: ChildProcess | undefined

/** The `export` lines that the README's sandbox prints. It runs until the tests of the first call have ended. */
const sandboxSettings = () =>
  new Promise<string>((done, fail) => {
    sandbox = spawn(...shell(startSandbox), { cwd: root, stdio: ["ignore", "pipe", "inherit"], detached: true })
    let printed = ""
    sandbox.once("exit", (status) => fail(new Error(`The README's sandbox exited with ${status}: ${printed}`)))
    sandbox.stdout?.on("data", (chunk) => {
      printed += String(chunk)
      if (printed.includes("export TILIA_SCOPES=")) {
        done(printed.split("\n").filter((_) => /^export /.test(_)).join("\n"))
      }
    })
  })

/** A line of a stack, or a path into a package. */
const stack = /^\s+at |node_modules/m

beforeAll(async () => {
  const [, script = ""] = /^npx pnpm@\S+ (\S+) \.\.\/my-app /.exec(makeTarballs) ?? []
  const command = `${buildInPlace(manifest(root).scripts[script])} ${folder}`
  await must(root, "npx", ["--yes", "pnpm@10.34.9", "exec", "sh", "-ec", command])
  for (const file of ["core.tgz", "node.tgz"]) copyFileSync(join(folder, file), join(withPnpm, file))
  await must(root, ...shell(inPlace(npmInstall, folder)))
  for (const place of [folder, withPnpm]) writeFileSync(join(place, "main.mjs"), program ?? "")
}, 900_000)

afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
  rmSync(withPnpm, { recursive: true, force: true })
})

describe("the README's first call (C6)", () => {
  let settings = ""

  beforeAll(async () => {
    settings = await sandboxSettings()
  })

  afterAll(() => {
    if (sandbox?.pid !== undefined) process.kill(-sandbox.pid, "SIGTERM")
  })

  const callWith = (...more: ReadonlyArray<string>) =>
    run(folder, ...shell([settings, ...more, call].join("\n")), clean)

  it("succeeds with npm, from an empty folder and by the README's lines alone", async () => {
    const { output, status } = await callWith()
    expect(status, output).toBe(0)
    expect(output).toContain("client_credentials") // one of the claims that /whoami returns
    expect(output).not.toContain(Sandbox.wellKnown.clientSecret)
  })

  it("succeeds with pnpm, from an empty folder and by the README's lines alone", async () => {
    await must(root, ...shell(inPlace(pnpmInstall, withPnpm)))
    expect(await must(withPnpm, ...shell(`${settings}\n${call}`), clean)).toContain("client_credentials")
  })

  it("with a wrong secret exits with 1, and says what to do without a stack", async () => {
    const { output, status } = await callWith(`export TILIA_CLIENT_SECRET=${Sandbox.wellKnown.clientId}`)
    expect(status).toBe(1)
    expect(output).toContain("check that the client id and secret belong together")
    expect(output).not.toMatch(stack)
  })

  it("of an API that is not listed exits with 1, and says what to do without a stack", async () => {
    const { output, status } = await callWith("unset TILIA_API_ORIGINS")
    expect(status).toBe(1)
    expect(output).toContain("list this origin there")
    expect(output).not.toMatch(stack)
  })

  it("without settings exits with 1, and names each without a stack", async () => {
    const { output, status } = await run(folder, ...shell(call ?? ""), clean)
    expect(status).toBe(1)
    for (const name of ["TILIA_CLIENT_ID", "TILIA_CLIENT_SECRET", "TILIA_ENVIRONMENT", "TILIA_SCOPES"]) {
      expect(output).toContain(name)
    }
    expect(output).not.toMatch(stack)
  })

  it("compiles", async () => {
    const compilerOptions = { module: "nodenext", target: "es2022", strict: true, skipLibCheck: true, types: [] }
    writeFileSync(join(folder, "main.mts"), program ?? "")
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["main.mts"] }))
    await must(folder, join(root, "node_modules/.bin/tsc"), ["--noEmit"])
  })
})

/**
 * A sandbox that keeps idle connections for ten minutes, and says so: a runtime that does not close its own would not
 * end in time.
 */
const patientSandbox = Effect.gen(function*() {
  const { httpApp } = yield* Sandbox.make()
  const handler = yield* NodeHttpServer.makeHandler(
    Effect.provideService(httpApp, Connection.Connection, { reset: Effect.never })
  )
  const server = yield* Effect.acquireRelease(
    Effect.async<ReturnType<typeof createServer>>((resume) => {
      const server = createServer({ keepAliveTimeout: 600_000 }, handler)
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.sync(() => server.close().closeAllConnections())
  )
  const address = server.address()
  return `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`
})

describe.each(Runtimes.all)("on $name (C6)", (runtime) => {
  it.scopedLive.skipIf(!Runtimes.isExpected(runtime))(
    "the README's program makes its call and ends by itself, and exits with 1 if the secret is wrong",
    () =>
      Effect.gen(function*() {
        const url = yield* patientSandbox
        const { clientId, clientSecret } = Sandbox.wellKnown
        const [command, ...args] = runtime.command
        const started = (clientSecret: string) =>
          Effect.promise(() =>
            run(folder, command, [...args, "main.mjs"], {
              ...clean,
              TILIA_AUTH_URL: url,
              TILIA_API_ORIGINS: url,
              TILIA_CLIENT_ID: clientId,
              TILIA_CLIENT_SECRET: clientSecret,
              TILIA_SCOPES: "user_info",
              API_URL: `${url}/whoami`
            })
          )
        const works = yield* started(clientSecret)
        expect(works.status, works.output).toBe(0)
        expect(works.output).toContain("client_credentials")
        const refused = yield* started(clientId)
        expect(refused.status, refused.output).toBe(1)
        expect(refused.output).toContain("check that the client id and secret belong together")
        expect(refused.output).not.toMatch(stack)
        expect(works.output + refused.output).not.toContain(clientSecret)
      })
  )
})

describe("all packages from tarballs", () => {
  beforeAll(async () => {
    const tarballs = readdirSync(folder).filter((file) => file.endsWith(".tgz")).map((file) => `./${file}`)
    await must(folder, "npm", ["install", "--no-audit", "--no-fund", ...new Set(pinned), ...tarballs])
  }, 900_000)

  it("each package contains its README, changelog and licence, and no tests", () => {
    for (const path of publicPackages) {
      const files = readdirSync(join(installed, manifest(path).name))
      expect(files).toEqual(expect.arrayContaining(["README.md", "CHANGELOG.md", "LICENSE", "dist", "package.json"]))
      expect(files).not.toContain("test")
    }
  })

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
    }).pipe(Effect.provide(NodeSandbox.layer())))

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
