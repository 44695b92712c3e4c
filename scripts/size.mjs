/*
 * P7: what a page that gets and keeps a token pays for this library, over the same page on bare `HttpClient` and `Schema`:
 * both are bundled from what `pnpm build` makes, minified and packed. `--why` lists what the difference is made of, unpacked.
 */
import { build } from "esbuild"
import { gzipSync } from "node:zlib"

const budget = 8_000

const bundle = async (name) => {
  const { metafile, outputFiles: [{ contents }] } = await build({
    entryPoints: [`packages/browser/test/bundles/${name}.ts`],
    bundle: true,
    minify: true,
    legalComments: "none",
    format: "esm",
    target: "es2022",
    metafile: true,
    write: false
  })
  const [{ inputs }] = Object.values(metafile.outputs)
  const parts = new Map(Object.entries(inputs).map(([file, { bytesInOutput }]) => [file, bytesInOutput]))
  return { size: gzipSync(contents, { level: 9 }).length, parts }
}

const kB = (bytes) => `${(bytes / 1000).toFixed(1)} kB`

const [bare, kept] = [await bundle("bare"), await bundle("kept")]
const difference = kept.size - bare.size

if (process.argv.includes("--why")) {
  const grown = [...kept.parts].map(([file, bytes]) => [file, bytes - (bare.parts.get(file) ?? 0)])
  for (const [file, bytes] of grown.filter(([, bytes]) => bytes > 100).sort(([, a], [, b]) => b - a)) {
    console.log(`${kB(bytes).padStart(8)}  ${file.replace(/.*node_modules\//, "")}`)
  }
}
console.log(
  `P7: ${kB(kept.size)} with the library, ${kB(bare.size)} bare: ${kB(difference)} more; the budget is ${kB(budget)}`
)
process.exitCode = difference > budget ? 1 : 0
