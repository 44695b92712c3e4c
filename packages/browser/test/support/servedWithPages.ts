import type { IncomingMessage, ServerResponse } from "node:http"
import type { Plugin } from "vite"

/** A server whose requests come before those of vitest's own. `handle` resolves to whether it has responded. */
export interface Application {
  readonly handle: (request: IncomingMessage, response: ServerResponse) => Promise<boolean>
  readonly close: () => Promise<void>
}

/** Serves the application that this module exports, on the origin from which vitest serves the pages. */
export const servedWithPages = (module: string): Plugin => {
  let loaded: Promise<Application> | undefined
  return {
    name: "served-with-pages",
    configureServer(server) {
      const load = async (): Promise<Application> => (await server.ssrLoadModule(module))["application"]
      server.middlewares.use((request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => {
        loaded ??= load()
        loaded
          .then(({ handle }) => handle(request, response))
          .then((isHandled) => {
            if (!isHandled) next()
          }, next)
      })
    },
    buildEnd: () => loaded?.then(({ close }) => close())
  }
}
