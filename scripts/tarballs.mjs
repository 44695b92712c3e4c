/*
 * Packs each public package, as it is built, into a folder: `core.tgz`, `node.tgz` and so on. They are what the
 * registry would serve.
 */
import { spawnSync } from "node:child_process"
import { readdirSync, readFileSync, renameSync } from "node:fs"
import { join, resolve } from "node:path"

const [folder] = process.argv.slice(2)
if (folder === undefined) {
  console.error("Name the folder that the tarballs go to: npx pnpm@10.34.9 tarballs ../my-app")
  process.exit(1)
}

const manifestOf = (name) => JSON.parse(readFileSync(join("packages", name, "package.json"), "utf8"))
const names = readdirSync("packages").filter((name) => manifestOf(name).private !== true)

const packed = join(resolve(folder), "%s.tgz")
const filters = names.flatMap((name) => ["--filter", `./packages/${name}`])
const { error, status, stderr, stdout } = spawnSync("pnpm", ["--recursive", ...filters, "pack", "--out", packed], {
  encoding: "utf8"
})
if (status === 0) {
  for (const name of names) {
    renameSync(join(folder, `effect-tilia-${name}.tgz`), join(folder, `${name}.tgz`))
  }
  console.log(`${names.length} tarballs in ${resolve(folder)}`)
} else {
  console.error(error?.message ?? stdout + stderr)
}
process.exitCode = status ?? 1
