/*
 * The runtimes on which a program with this library is tested. As a program, `pnpm runtimes`, this module downloads
 * them with npm, which takes 190 MB: no test does that by itself.
 */
import { spawnSync } from "node:child_process"
import { mkdirSync, readdirSync } from "node:fs"
import { join, resolve } from "node:path"
import { arch, argv, env, execPath, platform } from "node:process"
import { isExecutable } from "../../../../test/programs.js"

const folder = resolve(import.meta.dirname, "../../../../node_modules/.cache/runtimes")
const installed = join(folder, "node_modules")

/** What to do if a runtime is missing. */
export const advice = "run npx pnpm@10.34.9 runtimes once, which downloads 190 MB"

export interface Runtime {
  readonly name: string
  /** The package to download; none for the Node that runs the tests. */
  readonly source: string | undefined
  /** The program and the arguments that run a module. */
  readonly command: readonly [string, ...ReadonlyArray<string>]
}

/** Each version of Node is a package for each platform. Their common package would start another npm as a script. */
const node = (version: string): Runtime => ({
  name: `Node ${version}`,
  source: `node-${version}@npm:node-${platform === "win32" ? "win" : platform}-${arch}@${version}`,
  command: [join(installed, `node-${version}`, "bin/node")]
})

/** A program in the one package below a scope that npm has chosen for this platform. */
const chosen = (scope: string, program: string): string => {
  const below = join(installed, scope)
  try {
    return join(below, readdirSync(below).at(0) ?? "", program)
  } catch {
    return join(below, program)
  }
}

/** The oldest Node is the oldest one that `engines` admits. */
export const all: ReadonlyArray<Runtime> = [
  { name: "this Node", source: undefined, command: [execPath] },
  ...["20.19.0", "22", "24"].map(node),
  { name: "Bun", source: "bun@1", command: [chosen("@oven", "bin/bun")] },
  {
    name: "Deno",
    source: "deno@2",
    command: [chosen("@deno", "deno"), "run", "--no-prompt", "--allow-env", "--allow-net", "--allow-read"]
  }
]

/** Whether a test is to use a runtime. In CI each one must be there, so that no test is skipped. */
export const isExpected = ({ command: [program] }: Runtime): boolean => env["CI"] !== undefined || isExecutable(program)

const download = (): number => {
  mkdirSync(folder, { recursive: true })
  const sources = all.flatMap(({ source }) => source ?? [])
  // No script runs: what the packages of Bun and Deno would make is there without them.
  const flags = ["--no-audit", "--no-fund", "--no-save", "--no-package-lock", "--ignore-scripts", "--prefer-offline"]
  return spawnSync("npm", ["install", "--prefix", folder, ...flags, ...sources], { stdio: "inherit" }).status ?? 1
}

if (argv[1] === import.meta.filename) process.exitCode = download()
