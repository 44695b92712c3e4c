/*
 * The Effect language service's diagnostics over every `src`; their severities stand in tsconfig.base.json.
 * Where a tsconfig doesn't list the plugin, the tool checks no file and passes: so the files are counted.
 */
import { spawnSync } from "node:child_process"
import { readdirSync } from "node:fs"

const below = (folder) => readdirSync(folder).map((name) => `${folder}/${name}`)

const failed = [...below("packages"), ...below("examples"), "bench", "attack"].filter((folder) => {
  const files = readdirSync(`${folder}/src`, { recursive: true }).filter((file) => file.endsWith(".ts")).length
  const project = `${folder}/tsconfig.json`
  const { status, stderr, stdout } = spawnSync(
    "effect-language-service",
    ["diagnostics", "--project", project, "--strict", "--format", "text", "--severity", "error,warning"],
    { encoding: "utf8" }
  )
  const checked = Number(/Checked (\d+) files/.exec(stdout)?.[1] ?? 0)
  console.log(`${folder}, ${files} files: ${stdout.trim()}${stderr}`)
  return status !== 0 || checked < files
})

if (failed.length > 0) {
  console.error(`The Effect diagnostics fail for ${failed.join(", ")}.`)
  process.exitCode = 1
}
