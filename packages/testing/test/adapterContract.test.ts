/*
 * The contract turns red on clients that break it, and where it should.
 */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { execFile } from "node:child_process"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const Report = Schema.parseJson(Schema.Struct({
  testResults: Schema.Array(Schema.Struct({
    assertionResults: Schema.Array(
      Schema.Struct({ ancestorTitles: Schema.Array(Schema.String), title: Schema.String, status: Schema.String })
    )
  }))
}))

const vitest = join(dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs")
const folder = fileURLToPath(new URL("planted", import.meta.url))

/** Vitest in a process of its own, for its tests are to fail: what they came to. */
const report = Effect.runPromise(
  Effect.async<string>((resume) => {
    const args = [vitest, "run", "clients", "--root", folder, "--reporter=json"]
    const child = execFile(process.execPath, args, (_, stdout) => resume(Effect.succeed(stdout)))
    return Effect.sync(() => child.kill())
  }).pipe(Effect.flatMap(Schema.decode(Report)))
)

const redirects = [301, 302, 303, 307, 308].flatMap((status) => [
  `E3: row 20: ${status} is not followed, and its target not connected to`,
  ...["https://127.0.0.2/token?x=1", "http://127.0.0.2/", "//127.0.0.2"].map((to) => `row 20: ${status} to ${to}`)
])

const faults: ReadonlyArray<readonly [string, ReadonlyArray<string>]> = [
  ["follows redirects", [...redirects, "row 38: Location repeats the secret"]],
  ["buffers bodies", [
    "E5: a body is read as it comes, and its socket closed where the reader stops",
    "E6: the end of a scope closes the socket of an answer that nobody read",
    "E5: row 27: a body without end is cut, and the connection with it"
  ]],
  ["swallows interruption", [
    "E6: interruption before headers closes the socket",
    "E6: interruption in mid body closes the socket",
    "E6: interruption a byte at a time closes the socket",
    "row 9: an attempt that hangs before headers ends in time, and its socket is closed",
    "row 9: an attempt that hangs in mid body ends in time, and its socket is closed",
    "row 9: neither is a socket left open where the answer's body was never looked at",
    "row 10: interruption before headers closes the socket, and nothing is tried again",
    "row 10: interruption in mid body closes the socket, and nothing is tried again"
  ]],
  ["reports status 0", [
    "row 16: no answer is an error, not an answer of status 0",
    "row 1: connection refused",
    "row 4: no such name",
    "row 5: a certificate of an unknown authority, and not one byte is sent",
    "row 6: https to a plain port that answers",
    "row 7: close before headers",
    "row 7: close in mid headers",
    "row 7: reset before headers",
    "row 7: reset in mid headers",
    "row 14: 100 Continue unasked"
  ]]
]

describe("adapterContract turns red on a client that", () => {
  it.live.each(faults)("%s", ([fault, expected]) =>
    Effect.gen(function*() {
      const { testResults } = yield* Effect.promise(() => report)
      const own = testResults.flatMap(({ assertionResults }) => assertionResults)
        .filter(({ ancestorTitles }) => ancestorTitles[0] === fault)
      const titles = (status: string) => own.filter((test) => test.status === status).map(({ title }) => title)
      expect(titles("failed").sort()).toStrictEqual([...expected].sort())
      expect(titles("passed").length).toBeGreaterThan(30)
    }), 60_000)
})
