/*
 * `pnpm mutation [module …]`: breaks the code in every way that Stryker knows, one at a time, and counts what the tests
 * notice. It takes an hour for all modules on two cores, and fails where they notice less than 85 %. SURVIVORS.md tells of
 * what nothing notices.
 */
import { Stryker } from "@stryker-mutator/core"
import { modules } from "./modules.mjs"

const goal = 85

const options = (module, tests) => {
  process.env.MUTATION_TESTS = tests.map((test) => `packages/core/test/${test}.test.ts`).join()
  return {
    mutate: [`packages/core/src/${module}.ts`],
    testRunner: "vitest",
    plugins: ["@stryker-mutator/vitest-runner"],
    vitest: { configFile: "mutation/vitest.config.ts", related: false },
    coverageAnalysis: "perTest",
    ignoreStatic: tests.length > 1, // what is broken as a module is loaded takes all of its tests
    // Only what these tests read is copied, and broken in the copy.
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

/** Such as a loop without end. On a machine that is busy with something else, it may be no more than that. */
const isLate = ({ status }) => status === "Timeout"

/** What keeps the tests from being collected is noticed, too: Stryker, which sees no test fail, calls that survived. */
const isNoticed = (mutant) =>
  mutant.status === "Killed" || isLate(mutant) ||
  (mutant.status === "Survived" && mutant.static && mutant.testsCompleted === 0)

const score = (mutants) => (100 * mutants.filter(isNoticed).length) / mutants.length

const line = (name, mutants) => {
  const late = mutants.filter(isLate).length
  const figures = `${String(mutants.length).padStart(6)}${score(mutants).toFixed(1).padStart(8)} %`
  console.log(`${name.padEnd(24)}${figures}${late === 0 ? "" : `, ${late} by time-out`}`)
}

const shown = ({ location: { start }, mutatorName, replacement, status }) =>
  `    ${String(start.line).padStart(4)}:${start.column}  ${mutatorName} (${status}): ${replacement?.split("\n")[0]}`

const named = process.argv.slice(2)
const unknown = named.filter((name) => !modules.has(name))
if (unknown.length > 0) throw new Error(`No module is called ${unknown.join(" or ")}: see mutation/modules.mjs.`)

const all = []
for (const [module, tests] of modules) {
  if (named.length > 0 && !named.includes(module)) continue
  const mutants = (await new Stryker(options(module, tests)).runMutationTest()).filter(counts)
  line(module, mutants)
  for (const survivor of mutants.filter((mutant) => !isNoticed(mutant))) console.log(shown(survivor))
  all.push(...mutants)
}
line("all", all)
process.exitCode = score(all) < goal ? 1 : 0
