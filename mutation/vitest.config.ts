import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

const conditions = ["@effect-tilia/source", "module", "node", "import", "default"]
const src = fileURLToPath(new URL("../packages/core/src", import.meta.url))

export default defineConfig({
  resolve: {
    conditions,
    // Other packages that the tests use must see the mutant, too.
    alias: [
      { find: /^@effect-tilia\/core$/, replacement: `${src}/index.ts` },
      { find: /^@effect-tilia\/core\/(.*)$/, replacement: `${src}/$1.ts` }
    ]
  },
  ssr: { resolve: { conditions } },
  test: { include: (process.env["MUTATION_TESTS"] ?? "").split(","), testTimeout: 20_000 }
})
