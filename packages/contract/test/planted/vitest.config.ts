import { defineConfig } from "vitest/config"

const conditions = ["@effect-tilia/source", "module", "node", "import", "default"]

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ["clients.ts", "stores.ts"],
    // Skips tests of responses that `core` alone decides on: they are the same for every client.
    testNamePattern: /^(?!.*\brow (2[1-6]|3[0-7]|5\d)\))/,
    sequence: { concurrent: true },
    // A busy machine may delay a test beyond its time-out once. A test that must fail fails again.
    retry: 1
  }
})
