/*
 * What a user installs with the public packages, as they are packed: it may have no licence that is not listed here.
 * It is written as an SBOM (CycloneDX) to `dist/sbom.cdx.json` by npm, which installs the tarballs in a folder of its
 * own. Our own lockfile leads to the same packages in another way, and the SBOM must name each of them. It also names
 * what is bundled into `tilia`. An optional peer is not installed, and so is not in it.
 */
import { execFileSync } from "node:child_process"
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, resolve } from "node:path"
import process from "node:process"

const allowed = ["0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT"]

const sbomFile = "dist/sbom.cdx.json"

const readJson = (path) => JSON.parse(readFileSync(path, "utf8"))
const publicPackages = readdirSync("packages").map((name) => join("packages", name))
  .filter((path) => readJson(join(path, "package.json")).private !== true)

/** Of `A OR B` one is enough, and of `A AND B` each counts. */
const isAllowed = (licence) =>
  licence.replace(/^\((.*)\)$/, "$1").split(" OR ").some((one) => one.split(" AND ").every((_) => allowed.includes(_)))

/** The folder of an installed package, as Node finds it. */
const find = (name, from) => {
  for (let folder = from; folder !== dirname(folder); folder = dirname(folder)) {
    const found = join(folder, "node_modules", name)
    if (existsSync(join(found, "package.json"))) return realpathSync(found)
  }
  return undefined
}

/** The packages that the lockfile of this repository leads to, from what the public packages need. */
const locked = () => {
  const found = new Map()
  const visit = (folder) => {
    if (found.has(folder)) return
    const manifest = readJson(join(folder, "package.json"))
    const { dependencies, license, name, optionalDependencies, peerDependencies, peerDependenciesMeta, version } =
      manifest
    found.set(folder, { name, version, licence: String(license) })
    const isOptional = (peer) => peerDependenciesMeta?.[peer]?.optional === true
    const needed = [
      ...Object.keys(dependencies ?? {}).filter((dependency) => !(dependency in (optionalDependencies ?? {}))),
      ...Object.keys(peerDependencies ?? {}).filter((peer) => !isOptional(peer))
    ]
    for (const dependency of needed) {
      const place = find(dependency, folder)
      if (place === undefined) throw new Error(`${name} needs ${dependency}, which is not installed`)
      visit(place)
    }
    for (const dependency of Object.keys(optionalDependencies ?? {})) {
      const place = find(dependency, folder) // some are for other platforms
      if (place !== undefined) visit(place)
    }
  }
  for (const path of publicPackages) visit(resolve(path))
  return [...found.values()]
}

/** What is in the file of `tilia`, by the first lines of its notices: `jose 6.0.0 (MIT)`. */
const bundled = () =>
  readFileSync("packages/cli/dist/NOTICES.txt", "utf8").split(/^(?:-{80}\n\n)?(?=\S+ \d+\.\d+\.\d+\S* \(.+\)$)/m)
    .flatMap((notice) => {
      const [, name, version, licence] = /^(\S+) (\S+) \((.+)\)$/m.exec(notice) ?? []
      return name === undefined ? [] : [{ name, version, licence }]
    })

const purl = (name, version) => `pkg:npm/${name.replace("@", "%40")}@${version}`

const component = ({ licence, name, version }) => ({
  type: "library",
  name,
  version,
  purl: purl(name, version),
  licenses: licence.includes(" ") ? [{ expression: licence }] : [{ license: { id: licence } }]
})

const licencesOf = ({ licenses = [] }) =>
  licenses.map(({ expression, license }) => expression ?? license?.id ?? license?.name).join(" AND ")

const makeSbom = () => {
  const folder = mkdtempSync(join(tmpdir(), "sbom-"))
  const { version } = readJson("packages/core/package.json")
  try {
    execFileSync("node", ["scripts/tarballs.mjs", folder], { stdio: ["ignore", "ignore", "inherit"] })
    const tarballs = readdirSync(folder).map((file) => `./${file}`)
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "effect-tilia", version, private: true }))
    const npm = (...args) => execFileSync("npm", [...args, "--loglevel", "error"], { cwd: folder, encoding: "utf8" })
    npm("install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline", ...tarballs)
    const sbom = JSON.parse(npm("sbom", "--sbom-format", "cyclonedx", "--sbom-type", "library"))
    sbom.metadata.component.name = "effect-tilia" // and not that of the folder
    for (const one of sbom.components) {
      one.externalReferences = one.externalReferences.filter(({ url }) => !url.startsWith("file:"))
      if (one.name === "@effect-tilia/cli") one.components = bundled().map(component)
    }
    return sbom
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const sbom = makeSbom()
mkdirSync(dirname(sbomFile), { recursive: true })
writeFileSync(sbomFile, JSON.stringify(sbom, undefined, 2))

const named = sbom.components.flatMap((one) => [one, ...one.components ?? []])
const installed = sbom.components.map(({ name }) => name)
const inLockfile = locked()

const problems = [
  ...inLockfile.filter(({ name }) => !installed.includes(name)).map(({ name }) => `${sbomFile} does not name ${name}`),
  ...publicPackages.map((path) => readJson(join(path, "package.json")))
    .filter(({ name, version }) => !sbom.components.some((one) => one.name === name && one.version === version))
    .map(({ name, version }) => `${sbomFile} does not name ${name} ${version}`),
  ...bundled().some(({ name }) => name === "jose") ? [] : ["packages/cli/dist/NOTICES.txt does not name jose"],
  ...[...inLockfile, ...named.map((one) => ({ ...one, licence: licencesOf(one) }))]
    .filter(({ licence }) => !isAllowed(licence))
    .map(({ licence, name, version }) => `${name} ${version} has the licence ${licence}, which is not listed`)
]
for (const problem of new Set(problems)) console.error(problem)
if (problems.length === 0) {
  const licences = [...new Set(named.map(licencesOf))].sort().join(", ")
  console.log(`${installed.length} packages and ${named.length - installed.length} in tilia: ${licences}; ${sbomFile}`)
}
process.exitCode = problems.length > 0 ? 1 : 0
