#!/usr/bin/env node
/*
 * The file that Node runs. It prints the version and the help by itself, and loads Effect only for a command (P10).
 */
import { createRequire } from "node:module"
import * as Arguments from "./Arguments.js"

// A reader that closes the pipe early (`| head -1`) is not an error. A full disk is one.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1))
process.stderr.on("error", () => undefined)

const version = (): string => {
  const { version }: { readonly version: string } = createRequire(import.meta.url)("../package.json")
  return version
}

const parsed = Arguments.parse(process.argv.slice(2))

switch (parsed._tag) {
  case "Run": {
    const { main } = await import("./Main.js")
    main(parsed)
    break
  }
  case "Help":
    process.stdout.write(`${parsed.text}\n`)
    break
  case "Version":
    process.stdout.write(`${version()}\n`)
    break
  case "Mistake":
    process.stderr.write(`${parsed.text}\n`)
    process.exitCode = 2
}
