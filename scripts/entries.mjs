/*
 * What importing costs: each entry point of each public package, as it is built, is loaded in plain Node and leaves
 * nothing behind; imported for nothing it adds nothing to a page, and neither do a barrel's other names.
 */
import { build } from "esbuild"
import { spawnSync } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { resolve } from "node:path"

/** For test files alone: vitest can't be imported outside of them. */
const forTests = /(adapter|store|engine)Contract\.js$/

const entries = readdirSync("packages").flatMap((name) => {
  const { exports = {}, private: isPrivate } = JSON.parse(readFileSync(`packages/${name}/package.json`, "utf8"))
  return isPrivate || exports["./*"] === undefined
    ? []
    : readdirSync(`packages/${name}/dist`).filter((file) => file.endsWith(".js")).map((file) =>
      resolve("packages", name, "dist", file)
    )
})

const bundled = async (contents) => {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: "." },
    bundle: true,
    minify: true,
    format: "esm",
    packages: "external",
    logLevel: "error",
    write: false
  })
  return outputFiles[0].text
}

const problems = []

for (const entry of entries) {
  const rest = await bundled(`import ${JSON.stringify(entry)}`)
  if (rest !== "") problems.push(`${entry} isn't free of side effects: ${rest}`)
}

// A name of a module brings along what it is made of, and no other.
const one = resolve("packages/core/dist/Scopes.js")
const rest = await bundled(`import { known } from ${JSON.stringify(one)}; export const scopes = known.length`)
if (rest.length > 800) problems.push(`One name of ${one} brings others along: ${rest}`)

const loaded = spawnSync(
  process.execPath,
  ["--input-type=module"],
  {
    encoding: "utf8",
    timeout: 60_000,
    input: `
      await import("effect") // keeps what is global to it in one name of globalThis
      const before = Object.keys(globalThis)
      for (const entry of ${JSON.stringify(entries.filter((entry) => !forTests.test(entry)))}) await import(entry)
      // tslib's helpers, which start so, are there for a dependency of NodeScriptedServer.
      const made = Object.keys(globalThis).filter((name) => !before.includes(name) && !name.startsWith("__"))
      if (made.length > 0) throw new Error("An entry point makes something global: " + made)
    `
  }
)
if (loaded.status !== 0 || loaded.stdout + loaded.stderr !== "") {
  problems.push(`Loaded in plain Node, an entry point prints, fails or doesn't end: ${loaded.stdout}${loaded.stderr}`)
}

for (const problem of problems) console.error(problem)
if (problems.length === 0) console.log(`${entries.length} entry points: no side effects, and loaded in plain Node`)
process.exitCode = problems.length > 0 ? 1 : 0
