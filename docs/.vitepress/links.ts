/*
 * The links of the pages, which also work where the folder `docs` is read as files. A link to a file that is no page of
 * the site leads to the repository, once its address is known. Until then only its text is left.
 */
import { posix } from "node:path"
import type { MarkdownRenderer } from "vitepress"

/** Where the files of the repository are shown, as `https://…/blob/main`. It is not known yet: see `release.md`. */
const repository: string | undefined = undefined

/** Pages of the repository that the site has under another name. */
const elsewhere: Readonly<Record<string, string>> = {
  "../README.md": "start.md",
  "README.md": "index.md"
}

/** Where a link of a page leads to, or nothing if there is no such place. `page` is relative to `docs`. */
const resolve = (page: string, href: string): string | undefined => {
  if (/^([a-z]+:|#)/.test(href)) return href
  const [path = "", hash] = href.split("#")
  const file = posix.normalize(posix.join(posix.dirname(page), path))
  const target = elsewhere[file] ?? file
  if (target.startsWith("../")) return repository === undefined ? undefined : `${repository}/${target.slice(3)}`
  const anchor = hash === undefined || target !== file ? "" : `#${hash}`
  return `/${target.replace(/(^|\/)README\.md$/, "$1index.md")}${anchor}`
}

export const links = (markdown: MarkdownRenderer): void => {
  markdown.core.ruler.push("links", ({ env, tokens }) => {
    for (const { children } of tokens) {
      if (children === null) continue
      for (let n = 0; n < children.length; n++) {
        const token = children[n]
        const href = token?.type === "link_open" ? token.attrGet("href") : null
        if (token === undefined || href === null) continue
        const target = resolve(env.relativePath, href)
        if (target !== undefined) {
          token.attrSet("href", target)
          continue
        }
        const end = children.findIndex((later, index) => index > n && later.type === "link_close")
        children.splice(end, 1)
        children.splice(n--, 1)
      }
    }
  })
}
