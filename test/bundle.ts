/*
 * Bundles a program of this repository as it is written into one file, because a process that compiles and loads each
 * module by itself starts ten times as slowly.
 */
import { build } from "esbuild"

/** Gives `require` to the bundled CommonJS modules: a bundle of ES modules has none. */
const withRequire =
  "import { createRequire as requireOf } from \"node:module\"; const require = requireOf(import.meta.url);"

/** `external` names the packages that stay outside of the file. */
export const bundle = (entry: string, outfile: string, external: ReadonlyArray<string> = []): Promise<unknown> =>
  build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    conditions: ["@effect-tilia/source"],
    external: [...external],
    banner: { js: withRequire },
    logLevel: "warning"
  })
