/*
 * The documentation site: the pages of this folder in a reader's order, with the types of every example, and the API
 * reference that `typedoc` makes before (`api`).
 */
import { rendererFloatingVue, transformerTwoslash } from "@shikijs/vitepress-twoslash"
import { createFileSystemTypesCache } from "@shikijs/vitepress-twoslash/cache-fs"
import { readdirSync } from "node:fs"
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

const page = (text: string, link: string): DefaultTheme.SidebarItem => ({ text, link })

/** The modules of the API reference, by package. */
const modules = (): Array<DefaultTheme.SidebarItem> =>
  readdirSync(`${docs}/api`, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => ({
    text: name,
    link: "/api/", // without a link, an item is a button in a button
    collapsed: true,
    items: pagesIn(`api/${name}`).map((module) => page(module, `/api/${name}/${module}`))
  }))

/** The names of the pages in a folder. */
const pagesIn = (folder: string): Array<string> =>
  readdirSync(`${docs}/${folder}`).filter((file) => file !== "README.md").map((file) => file.replace(/\.md$/, ""))
    .sort()

const sidebar: Array<DefaultTheme.SidebarItem> = [
  {
    text: "Start",
    items: [
      page("What it is, and why", "/why"),
      page("Start in five minutes", "/start"),
      page("Playground", "/playground")
    ]
  },
  {
    text: "Guides",
    items: [
      page("Configure", "/configuration"),
      page("Get a token", "/token"),
      page("Call the API", "/calls"),
      page("Keep a token fresh", "/refresh"),
      page("Test", "/testing"),
      page("Run a sandbox", "/sandbox"),
      page("Use it in a browser", "/browser"),
      page("Serve tokens to web pages", "/mediator"),
      page("Share one token in a fleet", "/sharing"),
      page("Serverless", "/guides/serverless"),
      page("Several tenants", "/guides/tenants"),
      page("Rotate a secret", "/guides/rotate-secret"),
      page("Observe", "/observability"),
      page("Deploy", "/guides/deploy"),
      page("Migrate", "/guides/migrate")
    ]
  },
  {
    text: "Explanations",
    items: [
      page("How refresh works", "/explanations/refresh"),
      page("Threat model", "/explanations/threat-model"),
      page("Deviations from RFC 6749", "/explanations/deviations"),
      page("Performance", "/performance")
    ]
  },
  {
    text: "Reference",
    items: [
      page("Command line", "/cli"),
      {
        text: "Errors",
        link: "/errors/",
        collapsed: true,
        items: pagesIn("errors").map((name) => page(name, `/errors/${name}`))
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
        items: pagesIn("design").map((name) => page(name.replaceAll("-", " "), `/design/${name}`))
      },
      page("Contributing", "/contributing"),
      page("Release", "/release")
    ]
  }
]

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
        miniSearch: { searchOptions: { boostDocument: readersFirst } },
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
