import { execFileSync } from "node:child_process"
import { copyFile, mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import type { TestProject } from "vitest/node"

declare module "vitest" {
  interface ProvidedContext {
    readonly tilia: string
  }
}

const root = resolve(import.meta.dirname, "../../../..")

/**
 * The global setup of the tests of `tilia`. It makes the file that is published. A test finds it by `inject("tilia")`.
 * It has the place in a folder that it has in the package.
 */
export default async (project: TestProject) => {
  const folder = await mkdtemp(join(tmpdir(), "tilia-"))
  const outfile = join(folder, "dist/tilia.js")
  await copyFile(join(root, "packages/cli/package.json"), join(folder, "package.json"))
  execFileSync(process.execPath, ["scripts/tilia.mjs", outfile], { cwd: root, stdio: "inherit" })
  project.provide("tilia", outfile)
  return () => rm(folder, { recursive: true, force: true })
}
