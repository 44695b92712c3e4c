import { defineConfig } from "vitest/config"

// The tests of the built site (`pnpm docs:build`), in Chromium.
export default defineConfig({
  test: { include: ["test/*.test.ts"], testTimeout: 120_000, hookTimeout: 120_000 }
})
