import { defineConfig } from "vitest/config"

const conditions = ["@effect-tilia/source", "module", "node", "import", "default"]

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ["clients.ts", "stores.ts"],
    // Rows whose answers any client reads that reads at all, and whose errors are `core`'s doing: not for every fault.
    testNamePattern: /^(?!.*\brow (2[1-6]|3[0-7]|5\d)\))/,
    sequence: { concurrent: true }
  }
})
