/*
 * Bundles `tilia` into the one file that is published and tested, with nothing to install besides. Beside it come the
 * licences of what is in it.
 *
 * `node scripts/tilia.mjs <file>`
 */
import { build } from "esbuild"
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import process from "node:process"

/** Gives `require` to the bundled CommonJS modules: a bundle of ES modules has none. */
const withRequire =
  "import { createRequire as requireOf } from \"node:module\"; const require = requireOf(import.meta.url);"

/**
 * Node's own modules are loaded with the module that imports them. Otherwise, esbuild would import all of them at the
 * top of the file, and `tilia --version` would load an HTTP server (P10).
 */
const nodeModulesWhenUsed = {
  name: "node-modules-when-used",
  setup: ({ onLoad, onResolve }) => {
    onResolve(
      { filter: /^node:/ },
      ({ kind, path }) => kind === "import-statement" ? { path, namespace: "when-used" } : { path, external: true }
    )
    onLoad({ filter: /.*/, namespace: "when-used" }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)})`
    }))
  }
}

/** The folder of the package that a bundled file belongs to, if it is not one of ours. */
const folderOf = (file) => /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1]

const licenceOf = (folder) => {
  const { license, name, version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"))
  const file = readdirSync(folder).find((name) => /^licen[cs]e/i.test(name))
  const text = file === undefined ? "" : readFileSync(join(folder, file), "utf8").trim()
  return `${name} ${version} (${license})\n\n${text}\n`
}

const [outfile] = process.argv.slice(2)
const { metafile } = await build({
  entryPoints: ["packages/cli/src/bin.ts"],
  outfile,
  bundle: true,
  minify: true,
  platform: "node",
  format: "esm",
  target: "node20",
  conditions: ["@effect-tilia/source"],
  plugins: [nodeModulesWhenUsed],
  banner: { js: withRequire },
  legalComments: "none",
  logLevel: "warning",
  metafile: true
})
const folders = new Set(Object.keys(metafile.inputs).map(folderOf).filter((folder) => folder !== undefined))
writeFileSync(
  join(dirname(outfile), "NOTICES.txt"),
  [...folders].map(licenceOf).sort().join(`\n${"-".repeat(80)}\n\n`)
)
