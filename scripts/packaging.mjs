/*
 * What the registry would serve: each public package is packed, then checked by publint and by "Are the types wrong?"
 * as an ESM-only package. A command exports nothing, and so has no types. A tarball has no build info and no test,
 * and each source map in it leads to a file in it. Its changelog begins with its version.
 */
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core"
import { execFileSync } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { publint } from "publint"
import { formatMessage } from "publint/utils"

const folder = mkdtempSync(join(tmpdir(), "packed-"))

/** ESM only is meant: these say that CommonJS, or a resolver that ignores `exports`, can't import it. */
const meant = ["CJSResolvesToESM", "NoResolution"]

const strays = /\.tsbuildinfo$|\/tests?\/|\.test\./

/** The maps that a file names, or the sources that a map names, as paths. */
const leads = (file, text) => {
  const named = file.endsWith(".map")
    ? JSON.parse(text).sources
    : [...text.matchAll(/^\/\/# sourceMappingURL=(.+)$/gm)].map(([, map]) => map)
  return named.map((name) => join(dirname(file), name))
}

const problemsInside = (tarball) => {
  const files = tarball.listFiles()
  return files.flatMap((file) => [
    ...(strays.test(file) ? [`packs ${file}`] : []),
    ...(/\.(map|js|d\.ts)$/.test(file) ? leads(file, tarball.readFile(file)) : [])
      .filter((target) => !files.includes(target))
      .map((target) => `${file} leads to ${target}, which isn't packed`)
  ])
}

const changelogOf = (name, version, tarball) => {
  const file = `/node_modules/${name}/CHANGELOG.md`
  const newest = tarball.fileExists(file) ? /^## (.+)$/m.exec(tarball.readFile(file))?.[1] : undefined
  return newest === version ? [] : [`is ${version}, and its changelog begins with ${newest}`]
}

const problemsOf = async (name) => {
  const packageFolder = join("packages", name)
  const manifest = JSON.parse(readFileSync(join(packageFolder, "package.json"), "utf8"))
  if (manifest.private) return []
  const packed = JSON.parse(
    execFileSync("pnpm", ["pack", "--json", "--pack-destination", folder], { cwd: packageFolder, encoding: "utf8" })
  )
  const tarball = readFileSync(packed.filename)
  const linted = await publint({ pkgDir: resolve(packageFolder), pack: "pnpm", strict: true })
  const contents = createPackageFromTarballData(tarball)
  const types = await checkPackage(contents)
  console.log(`${manifest.name}: ${packed.files.length} files, ${Math.round(tarball.length / 1024)} KiB`)
  return [
    ...problemsInside(contents),
    ...changelogOf(manifest.name, manifest.version, contents),
    ...linted.messages.map((message) => formatMessage(message, manifest)),
    ...(types.types === false ? (manifest.bin === undefined ? ["has no types"] : []) : types.problems)
      .filter(({ kind, resolutionKind }) => !(meant.includes(kind) && /node10|cjs/.test(resolutionKind ?? "cjs")))
      .map((problem) => JSON.stringify(problem))
  ].map((problem) => `${manifest.name}: ${problem}`)
}

const problems = (await Promise.all(readdirSync("packages").map(problemsOf))).flat()
for (const problem of problems) console.error(problem)
process.exitCode = problems.length > 0 ? 1 : 0
