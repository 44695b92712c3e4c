/*
 * Builds every package as `tsc -b` does, and says of each call at a module's top level that it has no side effects:
 * without that, a bundler keeps every schema, error and Layer of a module of which a page uses one (P7). A call that is
 * a statement of its own is meant for its effect. All is built anew in an empty `dist`: `tsc -b` alone writes there
 * too, and leaves what a module was that has moved. `tilia` is bundled from what is written.
 */
import { execFileSync } from "node:child_process"
import { readFileSync, rmSync } from "node:fs"
import process from "node:process"
import ts from "typescript"

const isCall = (node) => ts.isCallExpression(node) || ts.isNewExpression(node)

/** What doesn't run as a module is loaded: bodies, and the fields of instances. */
const runsLater = (node) =>
  ts.isFunctionLike(node) ||
  (ts.isPropertyDeclaration(node) && !node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.StaticKeyword))

const hasSpread = (node) =>
  !runsLater(node) &&
  (ts.isSpreadElement(node) || ts.isSpreadAssignment(node) || (ts.forEachChild(node, hasSpread) ?? false))

const pure = (call) => ts.addSyntheticLeadingComment(call, ts.SyntaxKind.MultiLineCommentTrivia, "#__PURE__", false)

/** A bundler takes a spread for an effect, wherever it is, unless it is in a function. */
const inFunction = (call, { factory }) =>
  factory.createCallExpression(
    factory.createParenthesizedExpression(
      factory.createArrowFunction(undefined, undefined, [], undefined, undefined, call)
    ),
    undefined,
    []
  )

/** One mark stands before a whole chain of calls; their arguments have their own. */
const annotate = (context) => (file) => {
  const visit = (isMarked) => (node) => {
    if (runsLater(node) || (ts.isExpressionStatement(node) && isCall(node.expression))) return node
    const marks = isCall(node) && !isMarked
    if (marks && hasSpread(node)) return pure(inFunction(node, context))
    const isChain = isCall(node) || ts.isPropertyAccessExpression(node)
    const visited = ts.visitEachChild(
      node,
      (child) => visit(isChain && child === node.expression && (isMarked || marks))(child),
      context
    )
    return marks ? pure(visited) : visited
  }
  return ts.visitEachChild(file, visit(false), context)
}

const report = (diagnostic) =>
  console.error(ts.formatDiagnostic(diagnostic, {
    getCanonicalFileName: (name) => name,
    getCurrentDirectory: ts.sys.getCurrentDirectory,
    getNewLine: () => "\n"
  }))

for (const { path } of JSON.parse(readFileSync("tsconfig.build.json", "utf8")).references) {
  rmSync(`${path}/dist`, { recursive: true, force: true })
}

const host = ts.createSolutionBuilderHost(ts.sys, undefined, report, () => undefined)
const builder = ts.createSolutionBuilder(host, ["tsconfig.build.json"], { force: true })
process.exitCode = builder.build(undefined, undefined, undefined, () => ({ after: [annotate] }))
execFileSync(process.execPath, ["scripts/tilia.mjs", "packages/cli/dist/tilia.js"], { stdio: "inherit" })
