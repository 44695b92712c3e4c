/*
 * What the registry would serve: each public package is packed, then checked by publint and by "Are the types wrong?"
 * as an ESM-only package.
 */
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core"
import { execFileSync } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { publint } from "publint"
import { formatMessage } from "publint/utils"

const folder = mkdtempSync(join(tmpdir(), "packed-"))

/** ESM only is meant: these say that CommonJS, or a resolver that ignores `exports`, can't import it. */
const meant = ["CJSResolvesToESM", "NoResolution"]

const problemsOf = async (name) => {
  const packageFolder = join("packages", name)
  const manifest = JSON.parse(readFileSync(join(packageFolder, "package.json"), "utf8"))
  if (manifest.private) return []
  const packed = JSON.parse(
    execFileSync("pnpm", ["pack", "--json", "--pack-destination", folder], { cwd: packageFolder, encoding: "utf8" })
  )
  const tarball = readFileSync(packed.filename)
  const linted = await publint({ pkgDir: resolve(packageFolder), pack: "pnpm", strict: true })
  const types = await checkPackage(createPackageFromTarballData(tarball))
  console.log(`${manifest.name}: ${packed.files.length} files, ${Math.round(tarball.length / 1024)} KiB`)
  return [
    ...linted.messages.map((message) => formatMessage(message, manifest)),
    ...(types.types === false ? ["has no types"] : types.problems)
      .filter(({ kind, resolutionKind }) => !(meant.includes(kind) && /node10|cjs/.test(resolutionKind ?? "cjs")))
      .map((problem) => JSON.stringify(problem))
  ].map((problem) => `${manifest.name}: ${problem}`)
}

const problems = (await Promise.all(readdirSync("packages").map(problemsOf))).flat()
for (const problem of problems) console.error(problem)
process.exitCode = problems.length > 0 ? 1 : 0
