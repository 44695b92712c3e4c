/*
 * The command as a process of its own, against a server on a socket.
 */
import * as NodeScriptedServer from "@effect-tilia/contract/NodeScriptedServer"
import { silent } from "@effect-tilia/contract/ScriptedServer"
import { Sandbox } from "@effect-tilia/sandbox"
import * as NodeSandbox from "@effect-tilia/sandbox/NodeSandbox"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { inject } from "vitest"
import * as InProcess from "./support/inProcess.js"
import { start, tilia } from "./support/tilia.js"

const { clientId, clientSecret } = Sandbox.wellKnown
const { open } = Effect.runSync(NodeScriptedServer.make())

const configured = (url: string) => ({
  TILIA_AUTH_URL: url,
  TILIA_CLIENT_ID: clientId,
  TILIA_CLIENT_SECRET: clientSecret,
  TILIA_SCOPES: "user_info"
})

/** In milliseconds. A busy machine may need long to start a process; this only ends a test that would hang. */
const patience = 300_000

const jwt = /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/

/** A sandbox, and `tilia token` with its settings. */
const withSandbox = Effect.gen(function*() {
  const { url } = yield* NodeSandbox.NodeSandbox
  const { script } = yield* Sandbox.Sandbox
  const env = configured(url)
  return { url, script, env, token: (...args: ReadonlyArray<string>) => tilia(["token", ...args], { env }) }
})

const itWithSandbox = <A, E>(
  name: string,
  effect: Effect.Effect<A, E, NodeSandbox.NodeSandbox | Sandbox.Sandbox | Scope.Scope>
) => it.scopedLive(name, () => Effect.provide(effect, NodeSandbox.layer()), patience)

/** A folder that is gone after the test. */
const folder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "tilia-test-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true }))
)

describe.concurrent("tilia token", () => {
  itWithSandbox(
    "tilia token prints only the token",
    Effect.gen(function*() {
      const { token } = yield* withSandbox
      const { status, stderr, stdout } = yield* token()
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" })
      expect(stdout.trimEnd()).toMatch(jwt)
    })
  )

  itWithSandbox(
    "tilia token exits with 0 if its reader goes away, and with 1 if the disk is full",
    Effect.gen(function*() {
      const { env } = yield* withSandbox
      const closed = yield* tilia(["token"], { env, through: "| head -c 0; exit ${PIPESTATUS[0]}" })
      expect(closed).toMatchObject({ status: 0, stderr: "" })
      const full = yield* tilia(["token"], { env, through: "> /dev/full" })
      expect(full.status).toBe(1)
    })
  )

  it.scopedLive(
    "tilia token exits with 3 for a certificate of an unknown authority and sends no byte of the request",
    () =>
      Effect.gen(function*() {
        const { seen, url } = yield* open({ ...silent, tls: "valid" })
        const { status, stderr, stdout } = yield* tilia(["token"], { env: configured(url) })
        expect({ status, stdout }).toEqual({ status: 3, stdout: "" })
        expect(stderr).toMatch(/^TokenTransportError: .*certificate/)
        expect((yield* seen).received).toBe(0)
      }),
    patience
  )

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    it.scopedLive(`tilia token exits at once and silently with 130 on ${signal}`, () =>
      Effect.gen(function*() {
        const { seen, url } = yield* open(silent)
        const child = yield* start(["token"], { env: configured(url) })
        yield* Effect.repeat(seen, {
          until: ({ requests }) => requests.length > 0,
          schedule: Schedule.spaced("10 millis")
        })
        const begun = performance.now()
        child.kill(signal)
        expect(yield* child.ended).toMatchObject({ status: 130, stdout: "", stderr: "" })
        expect((yield* seen).requests.length).toBe(1)
        // Who waits for the attempt waits for 10 seconds. The end of a process takes a fraction of one.
        expect(performance.now() - begun).toBeLessThan(9_000)
      }), patience)
  }
})

describe.concurrent("the file of tilia", () => {
  it.live("tilia prints its version and its help, and explains a mistake", () =>
    Effect.gen(function*() {
      const [version, help, mistake] = yield* Effect.all(
        [tilia(["--version"]), tilia([]), tilia(["tokne"])],
        { concurrency: 3 }
      )
      expect(version).toMatchObject({ status: 0, stderr: "", stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) })
      expect(help).toMatchObject({ status: 0, stderr: "", stdout: expect.stringMatching(/^ {2}tilia token /m) })
      expect(mistake).toMatchObject({ status: 2, stdout: "", stderr: expect.stringMatching(/Did you mean token\?/) })
    }), patience)

  // All tests run it in a folder that has nothing else.
  it.live("tilia is one file, and its package installs no other (L1)", () =>
    Effect.promise(async () => {
      const path = join(dirname(inject("tilia")), "../package.json")
      const manifest: Record<string, unknown> = JSON.parse(await readFile(path, "utf8"))
      expect(manifest["bin"]).toEqual({ tilia: "./dist/tilia.js" })
      expect(manifest["files"]).toEqual(["dist/tilia.js", "dist/NOTICES.txt", "CHANGELOG.md"])
      expect(manifest["dependencies"]).toEqual({})
      expect(manifest["peerDependencies"]).toBeUndefined()
    }))
})

describe.concurrent("tilia inspect", () => {
  itWithSandbox(
    "tilia inspect shows the header and the claims of a token, and verifies it with the keys at a URL or in a file (L7)",
    Effect.gen(function*() {
      const { env, url } = yield* withSandbox
      const jwks = `${url}/.well-known/jwks.json`
      const { stdout: input } = yield* InProcess.tilia(["token", "--format", "json"], { env })
      const good = yield* tilia(["inspect", "--jwks", jwks], { input })
      expect(good).toMatchObject({ status: 0, stderr: "" })
      expect(good.stdout).toMatch(/^alg +RS512\nkid +\S+\ntyp +JWT$/m)
      expect(good.stdout).toContain(clientId)
      expect(good.stdout).toMatch(/^expires .*59m \d+s left\)$/m)
      expect(good.stdout).toMatch(/^scopes +user_info$/m)
      expect(good.stdout).toContain("The token is verified")
      expect(good.stdout).not.toMatch(/eyJ/)

      const file = join(yield* folder, "jwks.json")
      yield* Effect.promise(async () => writeFile(file, await (await fetch(jwks)).text()))
      const forged = input.replace(/\.[\w-]{4}(?=[\w-]+")/, ".AAAA")
      const bad = yield* tilia(["inspect", "--format", "json", "--jwks", file], { input: forged })
      expect(bad).toMatchObject({ status: 3, stderr: "" })
      expect(JSON.parse(bad.stdout)).toMatchObject({
        verified: false,
        problem: "its signature does not fit the key",
        scopes: ["user_info"],
        expired: false,
        header: { alg: "RS512" },
        claims: { client_id: clientId }
      })
      expect(bad.stdout).not.toContain("eyJ")
    })
  )

  it.live.each(["", "http://keys.example/jwks.json", "/nowhere/jwks.json"])(
    "tilia inspect exits with 2 for a text that is not a JWT, or for keys at %j, and does not quote the token",
    (jwks) =>
      Effect.gen(function*() {
        const input = jwks === "" ? "abc.def" : "eyJhbGciOiJSUzUxMiJ9.eyJleHAiOjB9.AAAA"
        const args = jwks === "" ? ["inspect"] : ["inspect", "--jwks", jwks]
        const { status, stderr, stdout } = yield* tilia(args, { input })
        expect({ status, stdout }).toEqual({ status: 2, stdout: "" })
        expect(stderr).toMatch(jwks === "" ? /^ClaimsError: .+\n$/ : /^InvalidInputError: --jwks must be .+\n$/)
        expect(stderr).not.toContain(input)
      }),
    patience
  )
})

describe.concurrent("tilia doctor", () => {
  it.scopedLive(
    "tilia doctor verifies certificates even if Node is told not to, and sends nothing to a server that it does not " +
      "trust (L8)",
    () =>
      Effect.gen(function*() {
        const { seen, url } = yield* open({ ...silent, tls: "misnamed" })
        const env = { ...configured(url), NODE_TLS_REJECT_UNAUTHORIZED: "0" }
        const direct = yield* tilia(["doctor", "--timeout", "5s"], { env })
        expect(direct.status).toBe(3)
        expect(direct.stdout).toMatch(/^failed +TLS .*certificate.*\n.*Unset NODE_TLS_REJECT_UNAUTHORIZED/m)
        const proxied = yield* tilia(["doctor", "--timeout", "5s"], { env: { ...env, HTTPS_PROXY: url } })
        expect(proxied.status).toBe(2)
        expect(proxied.stdout).toMatch(/^failed +TLS .*\n.*Unset NODE_TLS_REJECT_UNAUTHORIZED/m)
        expect(JSON.stringify([direct, proxied])).not.toContain(clientSecret)
        expect((yield* seen).received).toBe(0)
      }),
    patience
  )
})

describe.concurrent("tilia exec", () => {
  itWithSandbox(
    "tilia exec gives the command a token and no secret, its input and outputs, and ends with its exit status (L9)",
    Effect.gen(function*() {
      const { env } = yield* withSandbox
      const script = "cat; printenv TILIA_ACCESS_TOKEN >&2; printenv TILIA_CLIENT_SECRET; exit 7"
      const { status, stderr, stdout } = yield* tilia(["exec", "--", "sh", "-c", script], { env, input: "input\n" })
      expect({ status, stdout }).toEqual({ status: 7, stdout: "input\n" })
      expect(stderr.trimEnd()).toMatch(jwt)
    })
  )

  for (const [signal, status] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]] as const) {
    itWithSandbox(
      `tilia exec passes ${signal} on, waits for the command, and ends as it does (L9)`,
      Effect.gen(function*() {
        const { env } = yield* withSandbox
        const name = signal.slice(3)
        const script = `trap 'echo got it; sleep 0.2; trap - ${name}; kill -${name} $$' ${name}; echo ready; ` +
          "while :; do sleep 0.05; done"
        const child = yield* start(["exec", "--", "sh", "-c", script], { env })
        yield* child.until(/ready/)
        child.kill(signal)
        expect(yield* child.ended).toEqual({ status, stdout: "ready\ngot it\n", stderr: "" })
      })
    )
  }

  itWithSandbox(
    "tilia exec exits with 127 if there is no such command, and with 126 if it cannot be run",
    Effect.gen(function*() {
      const { env } = yield* withSandbox
      const missing = yield* tilia(["exec", "--", "tilia-no-such-command"], { env })
      expect(missing).toMatchObject({ status: 127, stderr: "tilia found no command tilia-no-such-command.\n" })
      const empty = yield* tilia(["exec", "--", ""], { env })
      expect(empty).toMatchObject({ status: 127, stderr: "tilia found no command with an empty name.\n" })
      expect((yield* tilia(["exec", "--", "/"], { env })).status).toBe(126)
      const inFile = yield* tilia(["exec", "--", "/dev/null/x"], { env }) // this error of spawn is thrown, not emitted
      expect(inFile).toMatchObject({ status: 126, stderr: "tilia could not run /dev/null/x (ENOTDIR).\n" })
    })
  )

  it.live("tilia exec does not run the command without a token", () =>
    Effect.gen(function*() {
      const { status, stderr, stdout } = yield* tilia(["exec", "--", "echo", "ran"])
      expect({ status, stdout }).toEqual({ status: 2, stdout: "" })
      expect(stderr).toContain("TILIA_SCOPES")
    }), patience)
})

describe.concurrent("tilia request", () => {
  const api = HttpRouter.empty.pipe(
    HttpRouter.post(
      "/echo",
      Effect.gen(function*() {
        const { headers, text } = yield* HttpServerRequest.HttpServerRequest
        return HttpServerResponse.text(`${headers["content-type"]} ${headers["x-a"]} ${yield* text}`)
      })
    ),
    HttpRouter.get("/away", Effect.succeed(HttpServerResponse.text("later", { status: 503 })))
  )
  const withApi = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.provide(effect, NodeSandbox.layer({ routes: api }))

  it.scopedLive(
    "tilia request sends the body and the headers, and prints the body of the response alone",
    () =>
      withApi(Effect.gen(function*() {
        const { env, url } = yield* withSandbox
        const file = join(yield* folder, "body")
        yield* Effect.promise(() => writeFile(file, "from a file"))
        const args = ["request", "post", `${url}/echo`, "--header", "x-a: 1", "--data"]
        const settings = { env: { ...env, TILIA_API_ORIGINS: url } }
        const [text, input] = yield* Effect.all([
          tilia([...args, `@${file}`, "--header", "Content-Type: text/plain"], settings),
          tilia([...args, "-", "--verbose"], { ...settings, input: "from standard input" })
        ], { concurrency: 2 })
        expect(text).toEqual({ status: 0, stderr: "", stdout: "text/plain 1 from a file" })
        expect(input).toMatchObject({ status: 0, stdout: "application/json 1 from standard input" })
        expect(input.stderr).toMatch(/^The API responded with 200 after \d+ ms\.\n$/)
      })),
    patience
  )

  it.scopedLive(
    "tilia request exits with 4 if the API is unavailable and 3 if it refuses, and prints the body",
    () =>
      withApi(Effect.gen(function*() {
        const { env, url } = yield* withSandbox
        const settings = { env: { ...env, TILIA_API_ORIGINS: url } }
        const [away, missing] = yield* Effect.all(
          [tilia(["request", "GET", `${url}/away`], settings), tilia(["request", "GET", `${url}/nope`], settings)],
          { concurrency: 2 }
        )
        expect(away).toMatchObject({ status: 4, stdout: "later", stderr: expect.stringMatching(/with 503 /) })
        expect(missing).toMatchObject({ status: 3, stdout: expect.stringMatching(/NOT_FOUND/) })
      })),
    patience
  )

  itWithSandbox(
    "tilia request exits with 2 for a URL that may not receive the token, and sends nothing (A1, L10)",
    Effect.gen(function*() {
      const { env, url } = yield* withSandbox
      const { received } = yield* Sandbox.Sandbox
      const { status, stderr, stdout } = yield* tilia(["request", "GET", `${url}/whoami`], { env })
      expect({ status, stdout }).toEqual({ status: 2, stdout: "" })
      expect(stderr).toMatch(/^ForbiddenOriginError: /)
      expect(yield* received).toEqual([])
    })
  )
})

describe.concurrent("tilia sandbox", () => {
  it.scopedLive(
    "tilia sandbox prints its settings, then a line for each request, and exits on SIGTERM",
    () =>
      Effect.gen(function*() {
        const sandbox = yield* start([
          "sandbox",
          "--faults",
          "503,ok",
          "--lifetime",
          "5s",
          "--scopes",
          "user_info"
        ])
        const text = yield* sandbox.until(/^export TILIA_SCOPES=.*\n/m)
        const env = Object.fromEntries(
          [...text.matchAll(/^export (\w+)=(.*)$/gm)].map(([, name, value]) => [name, value])
        )
        expect(Object.keys(env)).toEqual([
          "TILIA_AUTH_URL",
          "TILIA_API_ORIGINS",
          "TILIA_CLIENT_ID",
          "TILIA_CLIENT_SECRET",
          "TILIA_SCOPES"
        ])
        const { stdout } = yield* tilia(["token", "--format", "json"], { env })
        expect(JSON.parse(stdout).expires_in).toBeLessThanOrEqual(5)
        expect((yield* tilia(["token", "--scopes", "write_invoices"], { env })).status).toBe(3)
        yield* sandbox.until(
          /POST \/token 503 user_info\nPOST \/token 200 user_info\nPOST \/token 400 write_invoices\n/
        )
        sandbox.kill("SIGTERM")
        expect((yield* sandbox.ended).status).toBe(130)
      }),
    patience
  )

  it.live(
    "tilia sandbox runs a command with its settings, ends with its exit status, and stops",
    () =>
      Effect.gen(function*() {
        const script = "printenv TILIA_AUTH_URL TILIA_API_ORIGINS TILIA_SCOPES; printenv TILIA_ENVIRONMENT; exit 7"
        const { status, stderr, stdout } = yield* tilia(["sandbox", "--", "sh", "-c", script], {
          env: { TILIA_ENVIRONMENT: "production" }
        })
        expect({ status, stderr }).toEqual({ status: 7, stderr: "" })
        const [url = "", ...rest] = stdout.trimEnd().split("\n")
        expect(rest).toEqual([url, "user_info,write_invoices"])
        yield* Effect.flip(Effect.tryPromise(() => fetch(url)))
      }),
    patience
  )

  it.scopedLive("tilia sandbox exits with 2 if its port is in use", () =>
    Effect.gen(function*() {
      const { url } = yield* NodeSandbox.NodeSandbox
      const { status, stderr } = yield* tilia(["sandbox", "--port", new URL(url).port])
      expect(status).toBe(2)
      expect(stderr).toMatch(/port/)
    }).pipe(Effect.provide(NodeSandbox.layer())), patience)
})
