/*
 * The command as a process of its own, against a server on a socket.
 */
import * as NodeScriptedServer from "@effect-tilia/contract/NodeScriptedServer"
import { silent } from "@effect-tilia/contract/ScriptedServer"
import { Sandbox } from "@effect-tilia/sandbox"
import * as NodeSandbox from "@effect-tilia/sandbox/NodeSandbox"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
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

const itWithSandbox = <A, E>(name: string, effect: Effect.Effect<A, E, NodeSandbox.NodeSandbox | Sandbox.Sandbox>) =>
  it.scopedLive(name, () => Effect.provide(effect, NodeSandbox.layer()), patience)

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

  it.live("tilia prints no colours if its output is not a terminal", () =>
    Effect.gen(function*() {
      const help = yield* tilia(["--help"])
      const mistake = yield* tilia(["tokens"])
      expect(help).toMatchObject({ status: 0, stderr: "" })
      expect(mistake).toMatchObject({ status: 2, stdout: "" })
      expect(help.stdout + mistake.stderr).not.toContain("\u001b")
    }), patience)

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

describe.concurrent("tilia inspect", () => {
  itWithSandbox(
    "tilia inspect shows the claims of a token in every format of `tilia token`, but not the token",
    Effect.gen(function*() {
      const { env } = yield* withSandbox
      for (const format of ["raw", "json", "header"]) {
        const args = ["token", "--format", format, "--scopes", "user_info,write_invoices"]
        const { stdout: input } = yield* InProcess.tilia(args, { env })
        const { status, stderr, stdout } = yield* tilia(["inspect"], { input })
        expect({ status, stderr }).toEqual({ status: 0, stderr: "" })
        expect(stdout).toContain(clientId)
        expect(stdout).toMatch(/^expires .*59m \d+s left\)$/m)
        expect(stdout).toMatch(/^scopes +user_info, write_invoices$/m)
        expect(stdout).toContain("not verified")
        expect(stdout).not.toMatch(/eyJ/)
      }
    })
  )

  itWithSandbox(
    "tilia inspect --format json shows the claims but not the token",
    Effect.gen(function*() {
      const { token } = yield* withSandbox
      const { stdout: input } = yield* token()
      const { stdout } = yield* tilia(["inspect", "--format", "json"], { input })
      expect(JSON.parse(stdout)).toMatchObject({
        verified: false,
        scopes: ["user_info"],
        expired: false,
        claims: { client_id: clientId }
      })
      expect(stdout).not.toContain("eyJ")
    })
  )

  it.live.each(["two words", "abc.def"])(
    "tilia inspect exits with 2 for %j, which is not a JWT, and does not quote it",
    (input) =>
      Effect.gen(function*() {
        const { status, stderr, stdout } = yield* tilia(["inspect"], { input })
        expect({ status, stdout }).toEqual({ status: 2, stdout: "" })
        expect(stderr).toMatch(/^(InvalidInputError|ClaimsError): .+\n$/)
        if (input !== "") expect(stderr).not.toContain(input)
      }),
    patience
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
          "5 seconds",
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

  it.scopedLive("tilia sandbox exits with 2 if its port is in use", () =>
    Effect.gen(function*() {
      const { url } = yield* NodeSandbox.NodeSandbox
      const { status, stderr } = yield* tilia(["sandbox", "--port", new URL(url).port])
      expect(status).toBe(2)
      expect(stderr).toMatch(/port/)
    }).pipe(Effect.provide(NodeSandbox.layer())), patience)
})
