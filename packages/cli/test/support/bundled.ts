import { copyFile, mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import type { TestProject } from "vitest/node"
import { bundle } from "../../../../test/bundle.js"

declare module "vitest" {
  interface ProvidedContext {
    readonly tilia: string
  }
}

const cli = resolve(import.meta.dirname, "../..")

/**
 * The global setup of the tests of `tilia`. It bundles the command. A test finds the file by `inject("tilia")`. It has
 * the place in a folder that `dist/bin.js` has in the package.
 */
export default async (project: TestProject) => {
  const folder = await mkdtemp(join(tmpdir(), "tilia-"))
  const outfile = join(folder, "dist/bin.js")
  await copyFile(join(cli, "package.json"), join(folder, "package.json"))
  await bundle(join(cli, "src/bin.ts"), outfile)
  project.provide("tilia", outfile)
  return () => rm(folder, { recursive: true, force: true })
}
