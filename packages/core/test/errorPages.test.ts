/*
 * The pages of the errors. Their examples are tests of their own: see `scripts/examples.mjs`.
 */
import { AuthorizedHttpClient, TokenError } from "@effect-tilia/core"
import { describe, expect, it } from "@effect/vitest"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

const root = join(import.meta.dirname, "../../..")
const folder = join(root, "docs/errors")
const read = (file: string): string => readFileSync(file, "utf8")

const errors = [...TokenError.TokenError.members, AuthorizedHttpClient.ForbiddenOriginError]
  .map(({ fields, name }) => ({ name, fields: Object.keys(fields) }))
const names = errors.map(({ name }) => name)

/** The first column of a page's table of fields. */
const listed = (page: string): ReadonlyArray<string> => {
  const [, section = ""] = /^## Its fields\n([^]*?)^## /m.exec(page) ?? []
  return [...section.matchAll(/^\| `(\w+)` \|/gm)].map(([, field = ""]) => field)
}

it("every error has a page, and the index and the README lead to each (C7)", () => {
  expect(readdirSync(folder).sort()).toStrictEqual(["README.md", ...names.map((name) => `${name}.md`)].sort())
  for (const name of names) {
    expect(read(join(folder, "README.md"))).toContain(`[\`${name}\`](${name}.md)`)
    expect(read(join(root, "README.md"))).toContain(`[\`${name}\`](docs/errors/${name}.md)`)
  }
})

describe.each(errors)("the page of $name", ({ fields, name }) => {
  const page = read(join(folder, `${name}.md`))

  it(`the page of ${name} has the four headings, and one example that expects this error (C7)`, () => {
    expect([...page.matchAll(/^#+ .+$/gm)].map(String)).toStrictEqual([
      `# ${name}`,
      "## What it means",
      "## Its fields",
      "## What to do",
      "## How to make it happen"
    ])
    expect(page.split("```ts")).toHaveLength(2)
    expect(page).toContain(`expect(error._tag).toBe("${name}")`)
    expect(page).toContain("expect(error.message).toBe(")
  })

  it(`the page of ${name} lists each of its fields, and no other (C7)`, () => {
    const all = new Set([...fields.filter((field) => field !== "_tag"), "message", "retryable"])
    expect([...listed(page)].sort()).toStrictEqual([...all].sort())
  })
})
