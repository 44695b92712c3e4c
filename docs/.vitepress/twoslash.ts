/*
 * How the examples of the pages are compiled, as those of the README and of the comments are (`pnpm examples`), and
 * what a hover shows of a type.
 */
import { defaultHoverInfoProcessor, type rendererFloatingVue } from "@shikijs/vitepress-twoslash"
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

/** Some types of Effect are as long as a page, and each of them is highlighted. */
const longest = 400

export const shortened = (type: string): string => {
  const text = defaultHoverInfoProcessor(type)
  return typeof text === "string" && text.length > longest ? `${text.slice(0, longest)} …` : String(text)
}

export const firstParagraph = (docs: string): string => docs.split(/\n\s*\n/)[0] ?? ""

/** The name of a module is shown where it stands. A third of all hovers would say no more. */
export const saysMoreThanItsName = (node: { readonly type: string; readonly text?: string }): boolean =>
  node.type !== "hover" || node.text?.startsWith("import ") !== true

type Renderer = ReturnType<typeof rendererFloatingVue>

/**
 * Shows a type and the first paragraph of its comment, without tags as `@since` and without colours. With colours each
 * popup is a hundred elements, and the build takes three times as long.
 */
export const plain = (renderer: Renderer): Renderer => ({
  ...renderer,
  nodeStaticInfo({ tags: _, ...info }, node) {
    return renderer.nodeStaticInfo.call({ ...this, options: { ...this.options, lang: "text" } }, info, node)
  }
})

/** A page without its hovers: a search for a name finds where it is explained, and not each place where it is used. */
export const withoutHovers = (html: string): string => html.replace(/<template v-slot:popper[^]*?<\/template>/g, "")
