import type { IncomingMessage, ServerResponse } from "node:http"
import type { Plugin } from "vite"

/** What answers before vitest's own server does: `answer` says whether it did. */
export interface Application {
  readonly answer: (request: IncomingMessage, response: ServerResponse) => Promise<boolean>
  readonly close: () => Promise<void>
}

/** Has an application of ours, which that module exports, answer on the origin from which vitest serves the pages. */
export const servedWithPages = (module: string): Plugin => {
  let loaded: Promise<Application> | undefined
  return {
    name: "served-with-pages",
    configureServer(server) {
      const load = async (): Promise<Application> => (await server.ssrLoadModule(module))["application"]
      server.middlewares.use((request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => {
        loaded ??= load()
        loaded
          .then(({ answer }) => answer(request, response))
          .then((answered) => answered || next(), next)
      })
    },
    buildEnd: () => loaded?.then(({ close }) => close())
  }
}
