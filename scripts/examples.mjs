/*
 * Type-checks every TypeScript example: the fenced blocks of the README and of docs/, and the `@example`s in the
 * modules' comments. Each becomes a file beside the tests of `examples/node`, since that package depends on everything
 * that an example may import. One that imports vitest is a test, and is run as one.
 */
import { spawnSync } from "node:child_process"
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"

const filesBelow = (folder, ending) =>
  readdirSync(folder, { recursive: true }).filter((file) => file.endsWith(ending)).map((file) => join(folder, file))

/** Not below `docs` itself, whose `node_modules` lead in circles: the reference there repeats the comments. */
const pages = readdirSync("docs", { withFileTypes: true }).flatMap((entry) => {
  if (entry.isFile()) return entry.name.endsWith(".md") ? [`docs/${entry.name}`] : []
  return ["node_modules", ".vitepress", "api"].includes(entry.name) ? [] : filesBelow(`docs/${entry.name}`, ".md")
})

const fenced = (file) => [...readFileSync(file, "utf8").matchAll(/^```ts\n([^]*?)^```/gm)].map(([, code]) => code)

const inComments = (file) =>
  [...readFileSync(file, "utf8").matchAll(/^ *\* @example\n([^]*?)(?=^ *\* @|^ *\*\/)/gm)]
    .map(([, code]) => code.replace(/^ *\* ?/gm, ""))

const modules = readdirSync("packages").flatMap((name) => filesBelow(`packages/${name}/src`, ".ts"))
const sources = [
  ...["README.md", ...pages].map((file) => [file, fenced(file)]),
  ...modules.map((file) => [file, inComments(file)])
]

const isTest = (code) => /from "(@effect\/)?vitest"/.test(code)

const folder = "examples/node/test/examples"
rmSync(folder, { recursive: true, force: true })
mkdirSync(folder)
let count = 0
for (const [file, examples] of sources) {
  examples.forEach((code, n) => {
    count++
    const ending = isTest(code) ? "test.ts" : "ts"
    writeFileSync(join(folder, `${file.replace(/[/.]/g, "_")}_${n}.${ending}`), `${code}\nexport {}\n`)
  })
}
writeFileSync(
  join(folder, "tsconfig.json"),
  JSON.stringify({
    extends: "../../../../tsconfig.base.json",
    compilerOptions: { noEmit: true, composite: false, incremental: false, noUnusedLocals: false },
    include: ["*.ts"]
  })
)
const succeeds = (...command) => spawnSync(command[0], command.slice(1), { stdio: "inherit" }).status === 0
const passed = succeeds("tsc", "-p", folder) && succeeds("vitest", "run", "--project", "examples")
rmSync(folder, { recursive: true, force: true })
console.log(`${count} examples in ${sources.filter(([, examples]) => examples.length > 0).length} files`)
process.exitCode = passed ? 0 : 1
