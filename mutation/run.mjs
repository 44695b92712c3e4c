/*
 * `pnpm mutation [--together] [module …]`: breaks the code in every way that Stryker knows, one at a time, and counts the
 * mutants that the tests find. All modules take hours on two cores. It fails if the tests find less than 95 % of all
 * mutants that were made, or less than 88 % of those of one module. SURVIVORS.md explains what no test finds.
 */
import { Stryker } from "@stryker-mutator/core"
import { modules } from "./modules.mjs"

/** The score that all modules reach together, in percent. */
const goal = 95

/** The score that each module reaches, in percent. */
const floor = 88

/** The modules of one run have the same tests. */
const options = (names, tests) => {
  process.env.MUTATION_TESTS = tests.map((test) => `packages/core/test/${test}.test.ts`).join()
  return {
    mutate: names.map((name) => `packages/core/src/${name}.ts`),
    testRunner: "vitest",
    plugins: ["@stryker-mutator/vitest-runner"],
    vitest: { configFile: "mutation/vitest.config.ts", related: false },
    coverageAnalysis: "perTest",
    // A mutant that runs when a module is loaded needs a run of all its tests.
    ignoreStatic: !together && tests.length > 1,
    // Stryker copies only the files that these tests read, and mutates the copy.
    ignorePatterns: [
      "/*",
      "!/mutation",
      "!/tsconfig.base.json",
      "!/packages",
      "/packages/*",
      "!/packages/core",
      "dist"
    ],
    reporters: [],
    logLevel: "error",
    warnings: { slow: false },
    timeoutMS: 15_000,
    concurrency: 2
  }
}

const counts = ({ status }) => status !== "Ignored" && status !== "CompileError" && status !== "RuntimeError"

/** The mutant caused a loop without end, or the machine was too busy to finish in time. */
const isLate = ({ status }) => status === "Timeout"

/** A mutant that keeps the tests from being collected is found, too, although Stryker calls it survived. */
const isFound = (mutant) =>
  mutant.status === "Killed" || isLate(mutant) ||
  (mutant.status === "Survived" && mutant.static && mutant.testsCompleted === 0)

const score = (mutants) => mutants.length === 0 ? 100 : (100 * mutants.filter(isFound).length) / mutants.length

const line = (name, mutants) => {
  const late = mutants.filter(isLate).length
  const figures = `${String(mutants.length).padStart(6)}${score(mutants).toFixed(1).padStart(8)} %`
  console.log(`${name.padEnd(52)}${figures}${late === 0 ? "" : `, ${late} by time-out`}`)
}

const shown = ({ location: { start }, mutatorName, replacement, status }) =>
  `    ${String(start.line).padStart(4)}:${start.column}  ${mutatorName} (${status}): ${replacement?.split("\n")[0]}`

/**
 * `--together`: the named modules share one run, which saves the start of a run for each. Name only modules whose tests
 * do not run each other's code, because a mutant may be found by the tests of all of them.
 */
const together = process.argv.includes("--together")
const named = process.argv.slice(2).filter((name) => name !== "--together")
const unknown = named.filter((name) => !modules.has(name))
if (unknown.length > 0) throw new Error(`No module is called ${unknown.join(" or ")}: see mutation/modules.mjs.`)

const runs = new Map()
for (const [module, tests] of modules) {
  if (named.length > 0 && !named.includes(module)) continue
  const key = together ? "together" : tests.join()
  const before = runs.get(key)
  runs.set(key, {
    tests: [...new Set([...(before?.tests ?? []), ...tests])],
    names: [...(before?.names ?? []), module]
  })
}

const all = []
const below = []
const failures = []
for (const { names, tests } of runs.values()) {
  const found = await new Stryker(options(names, tests)).runMutationTest().catch((error) => {
    failures.push(...names)
    console.log(`${names.join(", ")}: ${error.message}`)
    return undefined
  })
  if (found === undefined) continue
  for (const module of names) {
    const mutants = found.filter((mutant) => counts(mutant) && mutant.fileName.endsWith(`/src/${module}.ts`))
    line(module, mutants)
    for (const survivor of mutants.filter((mutant) => !isFound(mutant))) console.log(shown(survivor))
    if (score(mutants) < floor) below.push(module)
    all.push(...mutants)
  }
}
line("all", all)
if (below.length > 0) console.log(`Below ${floor} %: ${below.join(", ")}`)
if (failures.length > 0) console.log(`Not measured, because their tests fail or are missing: ${failures.join(", ")}`)
process.exitCode = score(all) < goal || below.length > 0 || failures.length > 0 ? 1 : 0
