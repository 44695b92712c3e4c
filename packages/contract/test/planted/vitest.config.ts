import { defineConfig } from "vitest/config"

const conditions = ["@effect-tilia/source", "module", "node", "import", "default"]

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ["clients.ts", "stores.ts"],
    sequence: { concurrent: true },
    // A busy machine may delay a test beyond its time-out once. A test that must fail fails again.
    retry: 1
  }
})
