/*
 * What a user's editor shows must be complete. This fails if
 * - a public module has no comment with `@since` and exactly one `@example`;
 * - an export has no text, no `@since` or no `@category`, or a member of an exported interface or class has no text;
 * - an optional property of an options interface has no `@default`;
 * - a published comment cites a rule of the design (the tarball has no rules);
 * - a property that can be written in the argument of a `make`, a `layer` or an `authorize`, at any depth, shows no
 *   text.
 */
import { readdirSync } from "node:fs"
import { resolve } from "node:path"
import ts from "typescript"

const packages = readdirSync("packages").filter((name) => name !== "cli") // a command: its modules are not imported
const modules = packages.flatMap((name) =>
  readdirSync(`packages/${name}/src`, { recursive: true })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => resolve("packages", name, "src", file))
)
const isInternal = (file) => file.includes("/internal/")

const { config } = ts.readConfigFile("tsconfig.base.json", ts.sys.readFile)
const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, ".")
const program = ts.createProgram(modules, { ...options, noEmit: true, composite: false, incremental: false })
const checker = program.getTypeChecker()

const problems = []
const report = (node, what) => {
  const source = node.getSourceFile()
  const { line } = source.getLineAndCharacterOfPosition(node.getStart(source))
  problems.push(`${source.fileName.replace(`${process.cwd()}/`, "")}:${line + 1}  ${what}`)
}

const rule = /\b[ASTEMXPCB]\d{1,2}\b|\brows? \d/

const docOf = (node) => node.jsDoc?.at(-1)
const textOf = (node) => ts.getTextOfJSDocComment(docOf(node)?.comment) ?? ""
const tagsOf = (node) => (docOf(node)?.tags ?? []).map(({ tagName }) => tagName.text)

const checkRule = (node) => {
  const found = rule.exec(docOf(node)?.getText() ?? "")
  if (found !== null) report(node, `a published comment cites ${found[0]}`)
}

const checkMembers = (node, isOptions) => {
  for (const member of node.members ?? []) {
    const name = member.name?.getText()
    if (name === undefined || name.startsWith("#") || member.modifiers?.some(ts.isOverrideModifier)) continue
    if (name.startsWith("[")) continue
    if (textOf(member) === "") report(member, `${name} has no text`)
    checkRule(member)
    if (isOptions && member.questionToken !== undefined && member.type?.members === undefined) {
      if (!tagsOf(member).includes("default")) report(member, `${name} has no @default`)
    }
    checkMembers(member.type ?? {}, isOptions)
  }
}

/** The objects that a type is made of: `A & { … }` has two. */
const literals = (type) =>
  ts.isTypeLiteralNode(type)
    ? [type]
    : ts.isIntersectionTypeNode(type) || ts.isUnionTypeNode(type)
    ? type.types.flatMap(literals)
    : ts.isParenthesizedTypeNode(type)
    ? literals(type.type)
    : []

const isExported = (node) => node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) ?? false

/** The type of a schema, or a tag beside its interface, needs no text of its own. */
const isCompanion = (node) =>
  (ts.isTypeAliasDeclaration(node) && /^typeof [\w.]+\.Type$|^\| /.test(node.type.getText())) ||
  (ts.isTypeAliasDeclaration(node) && ts.isUnionTypeNode(node.type)) ||
  tagsOf(node).includes("category") && /GenericTag/.test(node.getText())

/** What follows the overloads of a function is not published. */
const isImplementation = (node) =>
  ts.isFunctionDeclaration(node) && node.parent.statements.some((other) =>
    other !== node && other.name?.text === node.name?.text
  )
  && node.body !== undefined

const checkStatement = (node) => {
  if (!isExported(node) || ts.isExportDeclaration(node) || isImplementation(node)) return
  const name = node.name?.text ?? node.declarationList?.declarations[0].name.getText()
  const tags = tagsOf(node)
  for (const tag of ["since", "category"]) if (!tags.includes(tag)) report(node, `${name} has no @${tag}`)
  if (textOf(node) === "" && !isCompanion(node) && !/^Options$/.test(name)) report(node, `${name} has no text`)
  checkRule(node)
  if (ts.isInterfaceDeclaration(node) || ts.isClassDeclaration(node)) {
    checkMembers(node, /Options$|^Settings$/.test(name))
  }
  if (ts.isTypeAliasDeclaration(node)) {
    for (const literal of literals(node.type)) checkMembers(literal, /Options$/.test(name))
  }
}

const checkModule = (source) => {
  const [first] = source.statements
  const comments = (first?.jsDoc ?? []).map((doc) => doc.getText())
  const module = comments[0] ?? ""
  if (!module.includes("@since")) report(source, "the module has no comment with @since")
  const examples = module.split("@example").length - 1
  if (examples !== 1 && !source.fileName.endsWith("/index.ts")) report(source, `the module has ${examples} examples`)
  const found = rule.exec(module)
  if (found !== null) report(source, `the module's comment cites ${found[0]}`)
}

for (const file of modules) {
  const source = program.getSourceFile(file)
  if (!isInternal(file)) checkModule(source)
  for (const statement of source.statements) {
    // An internal module may hold what a public one exports: it has the tag then.
    if (!isInternal(file) || tagsOf(statement).includes("since")) checkStatement(statement)
  }
}

const isOurs = (symbol) => symbol.declarations?.some((node) => modules.includes(node.getSourceFile().fileName)) ?? false

let shown = 0
const checkHover = (node, type, path, seen = new Set()) => {
  for (const part of type.isUnionOrIntersection() ? type.types : [type]) {
    if (seen.has(part)) continue
    seen.add(part)
    if (part.isUnionOrIntersection()) {
      checkHover(node, part, path, seen)
      continue
    }
    for (const property of part.getProperties().filter(isOurs)) {
      shown++
      if (property.getDocumentationComment(checker).length === 0) report(node, `${path}.${property.name} shows no text`)
      checkHover(node, checker.getTypeOfSymbol(property), `${path}.${property.name}`, seen)
    }
  }
}

for (const file of modules.filter((file) => !isInternal(file) && !file.endsWith("/index.ts"))) {
  for (const symbol of checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(file)))) {
    if (!/^(make|layer|layerWith|authorize)$/.test(symbol.name)) continue
    const declaration = symbol.valueDeclaration
    for (const signature of checker.getTypeOfSymbol(symbol).getCallSignatures()) {
      for (const parameter of signature.getParameters()) {
        const module = file.replace(/.*\/|\.ts$/g, "")
        checkHover(declaration, checker.getTypeOfSymbol(parameter), `${module}.${symbol.name}: ${parameter.name}`)
      }
    }
  }
}

problems.forEach((problem) => console.error(problem))
console.log(`${modules.length} modules, ${shown} properties of arguments, ${problems.length} problems`)
process.exitCode = problems.length > 0 || shown < 100 ? 1 : 0
