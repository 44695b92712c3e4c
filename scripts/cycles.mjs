/*
 * Finds import cycles among the modules of all packages. Every import counts: of types, in `export … from`, and one
 * that is made at run time. For each import that is part of a cycle, it prints the shortest such cycle.
 */
import { readdirSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import ts from "typescript"

const files = readdirSync("packages").flatMap((name) =>
  readdirSync(`packages/${name}/src`, { recursive: true })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => join("packages", name, "src", file))
).sort()

/** The file behind what an import names: a sibling, or a module of another package of ours. */
const resolve = (from, name) => {
  const [, owner, module = "index"] = /^@effect-tilia\/([^/]+)(?:\/(.+))?$/.exec(name) ?? []
  return owner === undefined
    ? join(dirname(from), name.replace(/\.js$/, ".ts"))
    : join("packages", owner, "src", `${module}.ts`)
}

const namesIn = (node) => {
  const isCall = ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword
  const called = isCall ? node.arguments[0] : ts.isImportTypeNode(node) ? node.argument.literal : undefined
  const names = [(called ?? node.moduleSpecifier)?.text].filter((name) => name !== undefined)
  ts.forEachChild(node, (child) => void names.push(...namesIn(child)))
  return names
}

const imports = new Map(files.map((file) => {
  const source = ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest)
  return [file, namesIn(source).map((name) => resolve(file, name)).filter((to) => files.includes(to))]
}))

/** The shortest cycle that this import is part of, if there is one, from the first of its files by name. */
const cycleOf = (from, to) => {
  const ways = new Map([[to, [to]]])
  for (const [file, way] of ways) {
    for (const next of imports.get(file)) ways.set(next, ways.get(next) ?? [...way, next])
  }
  const cycle = ways.get(from) ?? []
  const start = cycle.indexOf([...cycle].sort()[0])
  return [...cycle.slice(start), ...cycle.slice(0, start + 1)].join(" → ")
}

const cycles = new Set([...imports].flatMap(([from, names]) => names.map((to) => cycleOf(from, to)).filter(Boolean)))
for (const cycle of cycles) console.error(cycle)
console.log(`${files.length} modules, ${cycles.size} import cycles`)
process.exitCode = cycles.size > 0 ? 1 : 0
