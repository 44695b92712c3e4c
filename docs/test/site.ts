/*
 * The built site behind a server, and a Chromium that reads it.
 */
import { readdirSync, readFileSync, statSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { extname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { chromium } from "playwright"
import { launch } from "../../packages/browser/test/support/chromium.js"

export const dist = fileURLToPath(new URL("../.vitepress/dist", import.meta.url))

const types: Readonly<Record<string, string>> = {
  ".css": "text/css",
  ".html": "text/html",
  ".js": "text/javascript",
  ".json": "application/json",
  ".md": "text/markdown",
  ".svg": "image/svg+xml"
}

const isFile = (path: string) => statSync(path, { throwIfNoEntry: false })?.isFile() === true

/** The file of a path without an ending, as a static host with clean URLs finds it. */
export const fileOf = (path: string): string | undefined =>
  [path, `${path}.html`, join(path, "index.html")].map((name) => join(dist, name)).find(isFile)

/** The paths of all pages. */
export const pages: ReadonlyArray<string> = readdirSync(dist, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".html") && file !== "404.html")
  .map((file) => `/${file.replace(/(^|\/)index\.html$/, "$1").replace(/\.html$/, "")}`)
  .sort()

export const open = async () => {
  const options = launch()
  if (options === undefined) throw new Error("The tests of the site need Chromium.")
  const server = createServer((request, response) => {
    const file = fileOf(decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname))
    if (file === undefined) {
      response.writeHead(404).end()
      return
    }
    response.writeHead(200, { "content-type": types[extname(file)] ?? "application/octet-stream" })
    response.end(readFileSync(file))
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  const browser = await chromium.launch(options)
  return {
    browser,
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      await browser.close()
      server.close()
    }
  }
}
