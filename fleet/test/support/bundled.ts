/*
 * The global setup of this project: it bundles the worker. A test finds the file by `inject("worker")`.
 */
import { join, resolve } from "node:path"
import type { TestProject } from "vitest/node"
import { bundle } from "../../../test/bundle.js"

declare module "vitest" {
  interface ProvidedContext {
    readonly worker: string
  }
}

const root = resolve(import.meta.dirname, "../..")

export default async (project: TestProject) => {
  const outfile = join(root, "dist/bundled/worker.mjs")
  await bundle(join(root, "src/worker.ts"), outfile, ["better-sqlite3", "pg-native"])
  project.provide("worker", outfile)
}
