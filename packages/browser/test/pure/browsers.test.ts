import { build } from "esbuild"
import { fileURLToPath } from "node:url"
import { expect, it } from "vitest"

/** What Chrome 109, Firefox 115 or Safari 16.4 lacks. */
const newer = [
  /\bURL\.(canParse|parse)\b/,
  /\b(Promise\.(withResolvers|try)|Array\.fromAsync|Object\.groupBy|Map\.groupBy|AbortSignal\.any|RegExp\.escape)\b/,
  /\.(toSorted|toReversed|toSpliced|isWellFormed|toWellFormed|isSubsetOf|isSupersetOf|isDisjointFrom)\(/,
  /\.(symmetricDifference|transferToFixedLength|toBase64|toHex)\(/,
  /\b(Uint8Array\.from(Base64|Hex)|Iterator\.from|Float16Array|navigator\.userActivation)\b/,
  /\bawait using\b|\/[^/\n]*\/[a-z]*v[a-z]*\.test/
]

it("a page uses nothing that a supported browser lacks (B2)", async () => {
  const { outputFiles: [file] } = await build({
    entryPoints: [fileURLToPath(new URL("../bundles/whole.ts", import.meta.url))],
    bundle: true,
    conditions: ["@effect-tilia/source"],
    format: "esm",
    target: "es2022",
    write: false
  })
  const text = file?.text ?? ""
  expect(text.length).toBeGreaterThan(100_000)
  expect(newer.filter((pattern) => pattern.test(text))).toStrictEqual([])
})
