import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"
import { advice, launch } from "./packages/browser/test/support/chromium.js"
import { servedWithPages } from "./packages/browser/test/support/servedWithPages.js"

// The packages are tested as they are written: their own names lead to `src`, not to `dist`.
const source = "@effect-tilia/source"
const conditions = [source, "module", "node", "import", "default"]

const inNode = [
  ...["core", "node", "sandbox", "testing", "contract", "cli"].map((name) => ({ name, root: `packages/${name}` })),
  { name: "example-node", root: "examples/node" },
  { name: "tabs", root: "packages/browser", include: ["test/pure/*.test.ts"] } // what needs no page
].map((project) => ({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: { include: ["test/**/*.test.ts"], testTimeout: 20_000, ...project }
}))

const chromium = launch()
// eslint-disable-next-line no-console -- the one line that says why tests are missing
if (chromium === undefined) console.warn(`The tests in a browser are skipped: ${advice}.`)

const inBrowser = chromium === undefined ? [] : [{
  plugins: [servedWithPages("/test/support/application.ts")],
  resolve: {
    conditions: [source, "module", "browser", "development|production"],
    alias: { "node:util": fileURLToPath(new URL("packages/browser/test/support/util.ts", import.meta.url)) }
  },
  ssr: { resolve: { conditions } },
  test: {
    name: "browser",
    root: "packages/browser",
    include: ["test/*.test.ts", "test/internal/*.test.ts"],
    testTimeout: 20_000,
    globalSetup: "test/support/scriptedServer.ts",
    setupFiles: "test/support/setup.ts",
    browser: {
      enabled: true,
      provider: "playwright",
      headless: true,
      screenshotFailures: false,
      instances: [{ browser: "chromium" as const, launch: chromium }]
    }
  }
}]

// Tests in Node that open pages by themselves: what no single page can show.
const withPages = chromium === undefined ? [] : [
  { name: "pages", root: "packages/browser", include: ["test/pages/*.test.ts"] },
  { name: "example-browser", root: "examples/browser", include: ["test/*.test.ts"] }
].map((project) => ({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: { ...project, testTimeout: 120_000 }
}))

export default defineConfig({ test: { projects: [...inNode, ...inBrowser, ...withPages] } })
