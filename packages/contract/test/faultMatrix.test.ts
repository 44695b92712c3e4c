/*
 * Which tests `scripts/fault-matrix.mjs` counts for a row.
 */
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { execFile } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../../..", import.meta.url))

/** The line of row 110 in the matrix of a report with a single passed test. */
const lineFor = (title: string, ...ancestorTitles: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "matrix-"))),
      (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
    )
    const report = join(folder, "report.json")
    const assertionResults = [{ ancestorTitles, title, status: "passed" }]
    writeFileSync(report, JSON.stringify({ testResults: [{ name: "a.test.ts", assertionResults }] }))
    const matrix = yield* Effect.async<string>((resume) => {
      execFile(process.execPath, ["scripts/fault-matrix.mjs", report], { cwd: root }, (_, stdout) =>
        resume(Effect.succeed(stdout)))
    })
    return matrix.split("\n").find((line) =>
      line.startsWith("110")
    ) ?? ""
  })

it.scopedLive.each<[string, string, ...ReadonlyArray<string>]>([
  ["a test that names it", "a test (X1, row 110)"],
  ["a test inside a describe that names it", "a test", "refused requests (row 110)"],
  ["a test with a number beside it", "a test of 5 requests (row 110), 111 of them late"]
])("the fault matrix counts %s for a row (C5)", ([, title, ...ancestors]) =>
  Effect.gen(function*() {
    expect(yield* lineFor(title, ...ancestors)).not.toContain("no test")
  }))

it.scopedLive.each([
  "a test (rows 110 and 111)",
  "a test (rows 100\u2013111)",
  "a test (row 110 and row 111)",
  "a test (row 110, 111)",
  "a test (row 110/111)",
  "a test (row 110-111)",
  "a test (row 110\u2013111)",
  "a test (row 110 and 111)",
  "a test (row 110 to 115)",
  "a test (row 1100)"
])("the fault matrix does not count %j for row 110 (C5)", (title) =>
  Effect.gen(function*() {
    expect(yield* lineFor(title)).toContain("no test")
    expect(yield* lineFor(title, "requests (row 110)")).toContain("no test")
  }))
