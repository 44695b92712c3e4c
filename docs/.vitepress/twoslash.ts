/*
 * How the examples of the pages are compiled: as those of the README and of the comments are (`pnpm examples`).
 */
import ts from "typescript"

const { config } = ts.readConfigFile(new URL("../../tsconfig.base.json", import.meta.url).pathname, ts.sys.readFile)

const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, ".")

export const compilerOptions: ts.CompilerOptions = {
  ...options,
  composite: false,
  incremental: false,
  declaration: false,
  declarationMap: false,
  sourceMap: false,
  noUnusedLocals: false,
  noEmit: true
}
