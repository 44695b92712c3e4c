/*
 * The Effect language service's diagnostics over every `src`, as one program: one for each package takes four times as
 * long. Their severities stand in tsconfig.base.json. Where a tsconfig doesn't list the plugin, the tool checks no file
 * and passes: so the files are counted.
 */
import { spawnSync } from "node:child_process"
import { readdirSync } from "node:fs"

const below = (folder) => readdirSync(folder).map((name) => `${folder}/${name}`)

const files = [...below("packages"), ...below("examples"), "bench", "attack", "fleet"].flatMap((folder) =>
  readdirSync(`${folder}/src`, { recursive: true }).filter((file) => /\.tsx?$/.test(file))
)
const { status, stderr, stdout } = spawnSync(
  "effect-language-service",
  [
    "diagnostics",
    ...["--project", "tsconfig.diagnostics.json", "--strict", "--format", "text"],
    ...["--severity", "error,warning"]
  ],
  { encoding: "utf8" }
)
console.log(stdout.trim() + stderr)

const checked = Number(/Checked (\d+) files/.exec(stdout)?.[1] ?? 0)
if (status !== 0 || checked < files.length) {
  console.error(`The Effect diagnostics fail, or saw only ${checked} of ${files.length} files.`)
  process.exitCode = 1
}
