import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { execFile } from "node:child_process"
import { execPath } from "node:process"
import { fileURLToPath } from "node:url"
import * as RedisServer from "./support/redisServer.js"

const program = fileURLToPath(new URL("support/exit.ts", import.meta.url))

const run = (url: string) =>
  Effect.async<string, Error>((resume) => {
    const child = execFile(
      execPath,
      ["--conditions=@effect-tilia/source", "--import", "tsx", program, url],
      { timeout: 300_000 },
      (error, output) => resume(error === null ? Effect.succeed(output.split("\n").at(-1) ?? "") : Effect.fail(error))
    )
    return Effect.sync(() => child.kill("SIGKILL"))
  })

for (
  const [state, disturb] of [
    ["is there", () => Effect.void],
    ["hangs", ({ freeze }: RedisServer.RedisServer) => freeze],
    ["is away", ({ kill }: RedisServer.RedisServer) => kill]
  ] as const
) {
  it.scopedLive(`a process that has closed its store has no socket and ends by itself when Redis ${state} (row 100)`, () =>
    Effect.gen(function*() {
      const server = yield* RedisServer.make()
      yield* disturb(server)
      expect(yield* run(server.url)).toBe("[]")
      yield* server.thaw
    }))
}
