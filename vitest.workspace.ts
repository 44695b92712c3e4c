import { defineWorkspace } from "vitest/config"

// The packages are tested as they are written: their own names lead to `src`, not to `dist`.
const conditions = ["@effect-tilia/source", "module", "node", "import", "default"]

export default defineWorkspace(
  ["core", "node", "sandbox", "testing", "cli", "demo"].map((name) => ({
    resolve: { conditions },
    ssr: { resolve: { conditions } },
    test: {
      name,
      root: `packages/${name}`,
      include: ["test/**/*.test.ts"],
      testTimeout: 20_000
    }
  }))
)
