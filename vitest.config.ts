import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"
import * as Runtimes from "./examples/node/test/support/runtimes.js"
import { advice, launch } from "./packages/browser/test/support/chromium.js"
import { servedWithPages } from "./packages/browser/test/support/servedWithPages.js"
import * as RedisServer from "./packages/redis/test/support/redisServer.js"
import * as Postgres from "./packages/sql/test/support/postgres.js"

// The packages are tested as they are written: their own names lead to `src`, not to `dist`.
const source = "@effect-tilia/source"
const conditions = [source, "module", "node", "import", "default"]

/** In milliseconds. It only ends a test that hangs, on however busy a machine: no test relies on it. */
const testTimeout = 300_000

const include = ["test/**/*.test.ts"]

/**
 * Tests that need a process for themselves: one collects garbage, one replaces a module before it is loaded, and one
 * counts all metrics of its process.
 */
const alone = ["test/TokenSource.isolation.test.ts", "test/stub.test.ts", "test/otlp.test.ts"]

/**
 * Files that run in a thread, beside the files of the other projects, which run in a process. In both pools the files
 * of a project share one, and so load Effect once: they leave nothing behind. Both pools take about as long.
 */
const together = { include, pool: "threads" as const }

/**
 * How many files run in processes at a time: two at least, since most of them wait, for a token to expire, for a page
 * or for processes that they have started. The files in threads mostly compute.
 */
const maxForks = Math.max(2, availableParallelism() - 1)

/**
 * Many processes or tabs on a busy machine. It can keep one of them from running for a lease, or from answering within
 * a store's time limit. The others then go on without it, as they should (T2, T3), and make a request that these tests
 * do not expect. A promise that breaks fails three times.
 */
const tolerant = { retry: 2 }

const redis = RedisServer.binary()
// eslint-disable-next-line no-console -- the one line that says why tests are missing
if (redis === undefined) console.warn(`The tests of the store in Redis are skipped: ${RedisServer.advice}.`)

// eslint-disable-next-line no-console -- the one line that says why tests are missing
if (!Postgres.isInstalled) console.warn(`The tests of the store in PostgreSQL are skipped: ${Postgres.advice}.`)

const runtimes = Runtimes.all.filter((runtime) => !Runtimes.isExpected(runtime)).map(({ name }) => name)
if (runtimes.length > 0) {
  // eslint-disable-next-line no-console -- the one line that says why tests are missing
  console.warn(`The tests on ${runtimes.join(", ")} are skipped: ${Runtimes.advice}.`)
}

const inNode = [
  { name: "core", root: "packages/core", ...together, exclude: alone },
  { name: "core-alone", root: "packages/core", include: alone },
  ...["sandbox", "testing"].map((name) => ({ name, root: `packages/${name}`, ...together })),
  { name: "node", root: "packages/node", include, exclude: alone },
  { name: "node-alone", root: "packages/node", include: alone },
  { name: "sql", root: "packages/sql", include },
  { name: "contract", root: "packages/contract", ...together },
  ...(redis === undefined ? [] : [{ name: "redis", root: "packages/redis", ...together }]),
  { name: "tabs", root: "packages/browser", include: ["test/pure/*.test.ts"], pool: "threads" as const }, // no page
  { name: "cli", root: "packages/cli", include, globalSetup: "test/support/bundled.ts" },
  { name: "example-node", root: "examples/node", include },
  { name: "examples", root: "examples/node", include: ["test/examples/*.test.ts"], pool: "threads" as const }, // of docs
  { name: "fleet", root: "fleet", include, globalSetup: "test/support/bundled.ts", ...tolerant },
  { name: "example-opentelemetry", root: "examples/opentelemetry", include, exclude: alone },
  { name: "example-opentelemetry-alone", root: "examples/opentelemetry", include: alone }
].map((project) => ({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    ...project,
    testTimeout,
    hookTimeout: testTimeout,
    setupFiles: fileURLToPath(new URL("test/turn.ts", import.meta.url))
  }
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
    testTimeout,
    hookTimeout: testTimeout,
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
  { name: "pages", root: "packages/browser", include: ["test/pages/*.test.ts"], ...tolerant },
  { name: "example-browser", root: "examples/browser", include: ["test/*.test.ts"] }
].map((project) => ({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: { ...project, testTimeout, hookTimeout: testTimeout }
}))

export default defineConfig({
  test: {
    projects: [...inNode, ...inBrowser, ...withPages],
    // Vitest reads these here, and not in a project.
    poolOptions: { threads: { isolate: false }, forks: { isolate: false, minForks: 1, maxForks } },
    browser: { connectTimeout: testTimeout }
  }
})
