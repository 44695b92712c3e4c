import type { TestProject } from "vitest/node"

declare module "vitest" {
  interface ProvidedContext {
    readonly stage: string
  }
}

export default (project: TestProject) => {
  project.provide("stage", "http://127.0.0.1:1")
}
