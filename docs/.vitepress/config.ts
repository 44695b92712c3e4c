/*
 * The documentation site: the pages of this folder in a reader's order, with the types of every example, and the API
 * reference that `typedoc` makes before (`api`).
 */
import { rendererFloatingVue, transformerTwoslash } from "@shikijs/vitepress-twoslash"
import { createFileSystemTypesCache } from "@shikijs/vitepress-twoslash/cache-fs"
import { readdirSync, readFileSync } from "node:fs"
import { env } from "node:process"
import { fileURLToPath } from "node:url"
import type { DefaultTheme } from "vitepress"
import { defineConfig } from "vitepress"
import llmstxt from "vitepress-plugin-llms"
import { links } from "./links.js"
import { compilerOptions, firstParagraph, plain, saysMoreThanItsName, shortened, withoutHovers } from "./twoslash.js"

const docs = fileURLToPath(new URL("..", import.meta.url))
const source = "@effect-tilia/source"

/**
 * The examples whose types a hover shows: all that are programs, and no signature. With `HOVERS=few` they are those of
 * one call, which takes a third of the time. CI builds the site so: it has compiled all examples before.
 */
const shown = env["HOVERS"] === "few" ? "requestToken(" : "import "

const named = (text: string, link: string): DefaultTheme.SidebarItem => ({ text, link })

/** A page under its own title. */
const page = (link: string): DefaultTheme.SidebarItem =>
  named(/^# (.+)$/m.exec(readFileSync(`${docs}${link}.md`, "utf8"))?.[1] ?? link, link)

/** The modules of the API reference, by package. */
const modules = (): Array<DefaultTheme.SidebarItem> =>
  readdirSync(`${docs}/api`, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => ({
    text: name,
    link: "/api/", // without a link, an item is a button in a button
    collapsed: true,
    items: pagesIn(`api/${name}`).map((module) => named(module, `/api/${name}/${module}`))
  }))

/** The names of the pages in a folder. */
const pagesIn = (folder: string): Array<string> =>
  readdirSync(`${docs}/${folder}`).filter((file) => file !== "README.md").map((file) => file.replace(/\.md$/, ""))
    .sort()

const sidebar: Array<DefaultTheme.SidebarItem> = [
  {
    text: "Start",
    items: [
      page("/why"),
      page("/start"),
      page("/playground")
    ]
  },
  {
    text: "Guides",
    items: [
      page("/configuration"),
      page("/token"),
      page("/calls"),
      page("/refresh"),
      page("/testing"),
      page("/sandbox"),
      page("/browser"),
      page("/mediator"),
      page("/sharing"),
      page("/guides/serverless"),
      page("/guides/tenants"),
      page("/guides/rotate-secret"),
      page("/observability"),
      page("/guides/deploy"),
      page("/guides/migrate")
    ]
  },
  {
    text: "Explanations",
    items: [
      page("/explanations/refresh"),
      page("/explanations/threat-model"),
      page("/explanations/deviations"),
      page("/performance")
    ]
  },
  {
    text: "Reference",
    items: [
      page("/cli"),
      {
        text: "Errors",
        link: "/errors/",
        collapsed: true,
        items: pagesIn("errors").map((name) => named(name, `/errors/${name}`))
      },
      { text: "API", link: "/api/", collapsed: true, items: modules() }
    ]
  },
  {
    text: "The project",
    items: [
      {
        text: "Design",
        link: "/design/",
        collapsed: true,
        items: pagesIn("design").map((name) => page(`/design/${name}`))
      },
      page("/contributing"),
      page("/release")
    ]
  }
]

/** A name as `TILIA_SCOPES` is found as a whole, too. (This runs in the page, where nothing is that stands outside.) */
const words = (text: string): Array<string> => [
  ...text.split(/[\n\r\p{Z}\p{P}]+/u),
  ...(text.match(/[a-z]\w*(?:[._]\w+)+/gi) ?? [])
]

/** The word as the index has it; nothing for one that all pages have. */
const indexed = (word: string): string | null => {
  const lower = word.toLowerCase()
  return /^(a|an|and|are|can|do|does|how|i|in|is|it|my|of|on|the|to|what|which|with)$/.test(lower) ? null : lower
}

/** A guide answers most questions better than the reference or the design. */
const readersFirst = (page: string): number => /^\/(api|design)\//.test(page) ? 0.3 : 1

export default defineConfig({
  title: "effect-tilia",
  description: "The access tokens of the Tilia payments API for Effect applications",
  lang: "en",
  cleanUrls: true,
  head: [["link", { rel: "icon", href: "data:," }]], // there is none
  srcExclude: ["README.md"],
  rewrites: { "errors/README.md": "errors/index.md", "design/README.md": "design/index.md" },
  themeConfig: {
    nav: [
      { text: "Start", link: "/start" },
      { text: "Guides", link: "/calls" },
      { text: "Playground", link: "/playground" },
      { text: "Errors", link: "/errors/" },
      { text: "API", link: "/api/" }
    ],
    sidebar,
    outline: [2, 3],
    search: {
      provider: "local",
      options: {
        miniSearch: {
          options: { tokenize: words, processTerm: indexed },
          searchOptions: { boostDocument: readersFirst }
        },
        _render: (source, env, markdown) => withoutHovers(markdown.render(source, env))
      }
    }
  },
  markdown: {
    // Of the themes, these have enough contrast for every token of the code (WCAG AA).
    theme: { light: "github-light-high-contrast", dark: "github-dark-high-contrast" },
    codeTransformers: [
      transformerTwoslash({
        explicitTrigger: false,
        filter: (language, code) => language === "ts" && code.includes(shown),
        twoslashOptions: { compilerOptions, vfsRoot: docs, filterNode: saysMoreThanItsName },
        renderer: plain(rendererFloatingVue({ processHoverDocs: firstParagraph, processHoverInfo: shortened })),
        typesCache: createFileSystemTypesCache()
      })
    ],
    config: (markdown) => {
      markdown.use(links)
    }
  },
  // The default theme's first page has no main landmark.
  transformHtml: (html) => html.replace("class=\"VPHome\"", "class=\"VPHome\" role=\"main\""),
  vite: {
    plugins: [llmstxt({ ignoreFiles: ["README.md"] })],
    resolve: { conditions: [source] },
    ssr: { resolve: { conditions: [source] } }
  }
})
