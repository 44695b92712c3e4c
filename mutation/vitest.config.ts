import { realpathSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { defineConfig } from "vitest/config"

const conditions = ["@effect-tilia/source", "module", "node", "import", "default"]
const src = fileURLToPath(new URL("../packages/core/src", import.meta.url))

/**
 * Keeps one worker thread for all mutants. By itself vitest starts a thread for each run, and that thread loads Effect
 * anew, which takes several times as long as the tests. The modules of this repository are still evaluated anew in each
 * run, so a mutant that runs when a module is loaded is seen.
 */
const keepThread = async (): Promise<void> => {
  const vitest = realpathSync(fileURLToPath(new URL("../node_modules/vitest", import.meta.url)))
  const path = join(dirname(vitest), "tinypool/dist/index.js")
  const { default: Tinypool } = await import(pathToFileURL(path).href)
  const run = Tinypool.prototype.run
  Tinypool.prototype.run = function(...args: ReadonlyArray<unknown>) {
    this.options.isolateWorkers = false
    return run.apply(this, args)
  }
}
await keepThread()

export default defineConfig({
  resolve: {
    conditions,
    // Other packages that the tests use must see the mutant, too.
    alias: [
      { find: /^@effect-tilia\/core$/, replacement: `${src}/index.ts` },
      { find: /^@effect-tilia\/core\/(.*)$/, replacement: `${src}/$1.ts` }
    ]
  },
  ssr: { resolve: { conditions } },
  test: {
    include: (process.env["MUTATION_TESTS"] ?? "").split(","),
    testTimeout: 20_000,
    // Stryker notes which test runs which code, so one test runs at a time.
    maxConcurrency: 1
  }
})
