/*
 * The page's files. They are served from memory. The script is bundled from the packages' sources when the first
 * server starts.
 */
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import { build } from "esbuild"
import { readFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"

const pathOf = (name: string): string => fileURLToPath(new URL(`page/${name}`, import.meta.url))

/** It is bundled once, however many servers a process starts, as the tests do. */
const script = Effect.runSync(Effect.cached(Effect.map(
  Effect.promise(() =>
    build({
      entryPoints: [pathOf("main.ts")],
      bundle: true,
      conditions: ["@effect-tilia/source"],
      format: "esm",
      legalComments: "none",
      minify: true,
      target: "es2022",
      write: false
    })
  ),
  ({ outputFiles: [file] }) => file?.text ?? ""
)))

const text = (name: string) => Effect.promise(() => readFile(pathOf(name), "utf8"))

/** The documentation that the page links to, as text. */
const docs = "docs/browser.md"

const serve = (text: string, contentType: string) => Effect.succeed(HttpServerResponse.text(text, { contentType }))

export const routes = Effect.gen(function*() {
  const [html, style, icon, guide, js] = yield* Effect.all(
    [text("index.html"), text("style.css"), text("icon.svg"), text(`../../../../${docs}`), script],
    { concurrency: "unbounded" }
  )
  return HttpRouter.empty.pipe(
    HttpRouter.get("/", serve(html, "text/html; charset=utf-8")),
    HttpRouter.get("/style.css", serve(style, "text/css; charset=utf-8")),
    HttpRouter.get("/icon.svg", serve(icon, "image/svg+xml")),
    HttpRouter.get(`/${docs}`, serve(guide, "text/plain; charset=utf-8")),
    HttpRouter.get("/page.js", serve(js, "text/javascript; charset=utf-8"))
  )
})
