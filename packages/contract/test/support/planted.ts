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
const folder = fileURLToPath(new URL("../planted", import.meta.url))

export interface Options {
  /** How many tests run at a time. */
  readonly concurrency: number
  /**
   * The tests to run, by their titles.
   *
   * @default all
   */
  readonly titles?: RegExp
}

/**
 * Runs a suite for implementations with planted faults. It runs in a process of its own, because its tests must fail.
 * Yields the titles of the tests that have failed and of those that have passed, for each fault.
 */
export const planted = (file: "clients" | "stores", { concurrency, titles = /^/ }: Options) => {
  const report = Effect.runPromise(
    Effect.async<string>((resume) => {
      const args = [
        ...[vitest, "run", file, "--root", folder, "--reporter=json"],
        ...[`--maxConcurrency=${concurrency}`, `--testNamePattern=${titles.source}`]
      ]
      const child = execFile(process.execPath, args, (_, stdout) => resume(Effect.succeed(stdout)))
      return Effect.sync(() => child.kill())
    }).pipe(Effect.flatMap(Schema.decode(Report)))
  )
  return (fault: string) =>
    Effect.map(Effect.promise(() => report), ({ testResults }) => {
      const own = testResults.flatMap(({ assertionResults }) => assertionResults)
        .filter(({ ancestorTitles }) => ancestorTitles[0] === fault)
      const titles = (status: string) => own.filter((test) => test.status === status).map(({ title }) => title).sort()
      return { failed: titles("failed"), passed: titles("passed") }
    })
}
