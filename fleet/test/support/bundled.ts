/*
 * The global setup of this project: it bundles the worker as it is written into one file, because a process that
 * compiles and loads each module by itself starts ten times as slowly. A test finds the file by `inject("worker")`.
 */
import { build } from "esbuild"
import { join, resolve } from "node:path"
import type { TestProject } from "vitest/node"

declare module "vitest" {
  interface ProvidedContext {
    readonly worker: string
  }
}

const root = resolve(import.meta.dirname, "../..")

/** Gives `require` to the bundled CommonJS modules: a bundle of ES modules has none. */
const withRequire =
  "import { createRequire as requireOf } from \"node:module\"; const require = requireOf(import.meta.url);"

export default async (project: TestProject) => {
  const outfile = join(root, "dist/bundled/worker.mjs")
  await build({
    entryPoints: [join(root, "src/worker.ts")],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    conditions: ["@effect-tilia/source"],
    external: ["better-sqlite3", "pg-native"],
    banner: { js: withRequire },
    logLevel: "warning"
  })
  project.provide("worker", outfile)
}
