/*
 * Tries the public packages, as they are packed, on the oldest or on the newest versions of their peers that they
 * admit: `pnpm peers lowest`, `pnpm peers highest`. In a folder of its own, npm installs these versions. Then every
 * entry point is type-checked, with the declarations of all packages; `peers/program.mjs` runs against a sandbox, and
 * a suite of `contract` runs on vitest.
 */
import { execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import process from "node:process"
import { promisify } from "node:util"

const [end] = process.argv.slice(2)
if (end !== "lowest" && end !== "highest") {
  console.error("Say which versions: npx pnpm@10.34.9 peers lowest, or highest")
  process.exit(1)
}

const folder = mkdtempSync(join(tmpdir(), "peers-"))
process.once("exit", () => rmSync(folder, { recursive: true, force: true }))

const readJson = (path) => JSON.parse(readFileSync(path, "utf8"))
const publicPackages = readdirSync("packages").map((name) => join("packages", name))
  .filter((path) => readJson(join(path, "package.json")).private !== true)
const manifests = publicPackages.map((path) => readJson(join(path, "package.json")))

const run = async (command, args, options = {}) => {
  const began = performance.now()
  try {
    const { stdout } = await promisify(execFile)(command, args, { cwd: folder, timeout: 300_000, ...options })
    return { stdout, seconds: Math.round((performance.now() - began) / 1000) }
  } catch (error) {
    throw new Error(`${command} ${args.join(" ")} failed:\n${error.stdout ?? ""}${error.stderr ?? error.message}`)
  }
}

const byVersion = (one, other) => one.localeCompare(other, "en", { numeric: true })

/** The versions that a range admits, oldest first. A range of one version is answered with a string. */
const admitted = async (name, range) => {
  const { stdout } = await run("npm", ["view", `${name}@${range}`, "version", "--json"])
  return [JSON.parse(stdout)].flat().sort(byVersion)
}

/** What a published version needs beside it. What it can do without is not a matter of ours. */
const peersOf = async (name, version) => {
  const { stdout } = await run("npm", ["view", `${name}@${version}`, "--json"])
  const { peerDependencies = {}, peerDependenciesMeta = {} } = [JSON.parse(stdout)].flat().at(-1)
  return Object.entries(peerDependencies).filter(([peer]) => peerDependenciesMeta[peer]?.optional !== true)
}

/** Who asks for which ranges of each peer: our packages first, and then the peers themselves. */
const asked = new Map()
const ask = (who, name, range) => {
  const ranges = asked.get(name) ?? new Map()
  ranges.set(range, [...ranges.get(range) ?? [], who])
  asked.set(name, ranges)
}
for (const { name, peerDependencies = {} } of manifests) {
  for (const [peer, range] of Object.entries(peerDependencies)) ask(name, peer, range)
}
const own = new Map([...asked].map(([name, ranges]) => [name, [...ranges.keys()]]))

const cached = (f) => {
  const known = new Map()
  return (name, argument) => {
    const key = `${name}@${argument}`
    if (!known.has(key)) known.set(key, f(name, argument))
    return known.get(key)
  }
}
const versionsOf = cached(admitted)
const needsOf = cached(peersOf)

const pick = async (name, ranges) => {
  const [first, ...rest] = await Promise.all(ranges.map((range) => versionsOf(name, range)))
  const common = first.filter((version) => rest.every((versions) => versions.includes(version)))
  const picked = end === "lowest" ? common.at(0) : common.at(-1)
  if (picked === undefined) throw new Error(`No version of ${name} is in all of ${ranges.join(", ")}`)
  return picked
}

/**
 * With the lowest versions, the peers of the peers are as old, too: npm would take the newest, which may need newer ones
 * of ours. With the highest, npm takes the newest by itself. If it is told so, it tries for minutes to place ioredis 6
 * beside the optional peer ioredis 5 of @effect/experimental.
 */
const choose = async () => {
  const count = () => [...asked.values()].reduce((sum, ranges) => sum + ranges.size, 0)
  for (;;) {
    const before = count()
    const chosen = new Map(
      await Promise.all([...asked].map(async ([name, ranges]) => [name, await pick(name, [...ranges.keys()])]))
    )
    if (end === "highest") return chosen
    for (const [name, version] of chosen) {
      for (const [peer, range] of await needsOf(name, version)) ask(`${name}@${version}`, peer, range)
    }
    if (count() === before) return chosen
  }
}

/** A range admits what cannot be installed if another peer asks for more at the same end. */
const unreachable = async (chosen) =>
  (await Promise.all([...own].map(async ([name, ranges]) => [name, await pick(name, ranges)])))
    .filter(([name, version]) => chosen.get(name) !== version)
    .map(([name, version]) => {
      const others = [...asked.get(name)].map(([range, who]) => `  ${range} of ${who.join(", ")}`)
      return `${name} ${version} cannot be installed with the others:\n${others.join("\n")}`
    })

/** Every module that a package exports. */
const entriesOf = ({ exports = {}, name }) => [
  ..."." in exports ? [name] : [],
  ..."./*" in exports
    ? readdirSync(join(folder, "node_modules", name, "dist"))
      .filter((file) => /^[A-Za-z]\w*\.js$/.test(file) && file !== "index.js")
      .map((file) => `${name}/${file.slice(0, -3)}`)
    : []
]

const compilerOptions = {
  module: "nodenext",
  target: "es2022",
  lib: ["es2022", "dom", "dom.iterable"],
  types: ["node"],
  strict: true,
  exactOptionalPropertyTypes: true,
  noEmit: true,
  allowJs: true,
  checkJs: true,
  skipLibCheck: false
}

const redisServer = [
  process.env["REDIS_SERVER_BIN"],
  ...(process.env["PATH"] ?? "").split(":").flatMap((path) => [`${path}/redis-server`, `${path}/valkey-server`])
].find((file) => file !== undefined && existsSync(file))

/** The program with a Redis of its own, on a socket in the folder. In CI there must be one. */
const runProgram = async () => {
  if (redisServer === undefined) {
    if (process.env["CI"] !== undefined) throw new Error("no Redis found: apt-get install redis-server")
    console.warn("No Redis found: the program does without.")
    return run(process.execPath, ["program.mjs"])
  }
  const socket = join(folder, "redis.sock")
  const args = ["--port", "0", "--unixsocket", socket, "--save", "", "--dir", folder]
  const server = spawn(redisServer, args, { stdio: ["ignore", "pipe", "inherit"] })
  try {
    while (!existsSync(socket)) await once(server.stdout, "data", { signal: AbortSignal.timeout(10_000) })
    return await run(process.execPath, ["program.mjs", socket])
  } finally {
    server.kill()
  }
}

const steps = async () => {
  const chosen = await choose()
  const problems = await unreachable(chosen)
  if (problems.length > 0) throw new Error(problems.join("\n"))
  const versions = [...chosen].map(([name, version]) => `${name}@${version}`)
  console.log(versions.join(" "))

  await run("node", [resolve("scripts/tarballs.mjs"), folder], { cwd: "." })
  const tarballs = readdirSync(folder).filter((file) => file.endsWith(".tgz")).map((file) => `./${file}`)
  const types = `@types/node@${readJson("package.json").devDependencies["@types/node"]}`
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }))
  const quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline", "--loglevel", "error"]
  const installed = await run("npm", ["install", ...quiet, "--save-exact", ...versions, types, ...tarballs])
  for (const [name, version] of chosen) {
    const found = readJson(join(folder, "node_modules", name, "package.json")).version
    if (found !== version) throw new Error(`${name} ${found} is installed, and not ${version}`)
  }
  console.log(`installed in ${installed.seconds} s`)

  const entries = manifests.flatMap(entriesOf)
  writeFileSync(
    join(folder, "entries.mts"),
    entries.map((entry, n) => `export * as _${n} from "${entry}"\n`).join("")
  )
  for (const file of ["program.mjs", "contract.test.mjs"]) copyFileSync(join("scripts/peers", file), join(folder, file))
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({ compilerOptions, files: ["entries.mts", "program.mjs", "contract.test.mjs"] })
  )
  const checked = await run(process.execPath, [resolve("node_modules/typescript/bin/tsc")])
  console.log(`${entries.length} entry points type-checked in ${checked.seconds} s`)

  const ran = await runProgram()
  console.log(`${ran.stdout.trim()} (${ran.seconds} s)`)
  const tested = await run(process.execPath, ["node_modules/vitest/vitest.mjs", "run", "contract.test.mjs"])
  console.log(`the suite for a store passes in ${tested.seconds} s`)
}

try {
  await steps()
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}
