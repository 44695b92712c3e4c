import { build } from "esbuild"
import { copyFile, mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import type { TestProject } from "vitest/node"

declare module "vitest" {
  interface ProvidedContext {
    readonly tilia: string
  }
}

const cli = resolve(import.meta.dirname, "../..")

/** Gives `require` to the bundled CommonJS modules: a bundle of ES modules has none. */
const withRequire =
  "import { createRequire as requireOf } from \"node:module\"; const require = requireOf(import.meta.url);"

/**
 * The global setup of the tests of `tilia`. It bundles the command as it is written into one file, because a process
 * that compiles and loads each module by itself starts ten times as slowly. A test finds the file by `inject("tilia")`.
 * It has the place in a folder that `dist/bin.js` has in the package.
 */
export default async (project: TestProject) => {
  const folder = await mkdtemp(join(tmpdir(), "tilia-"))
  const outfile = join(folder, "dist/bin.js")
  await copyFile(join(cli, "package.json"), join(folder, "package.json"))
  await build({
    entryPoints: [join(cli, "src/bin.ts")],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    conditions: ["@effect-tilia/source"],
    banner: { js: withRequire },
    logLevel: "warning"
  })
  project.provide("tilia", outfile)
  return () => rm(folder, { recursive: true, force: true })
}
