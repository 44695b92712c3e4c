/*
 * What the README says about the table.
 */
import { expect, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import * as Statements from "../src/internal/statements.js"

it("the README shows the statement that creates the table, for those who must create it themselves", () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8")
  const shown = /```sql\n([^]*?)\n```/.exec(readme)?.[1]
  for (const dialect of ["pg", "sqlite"] as const) {
    expect(shown).toBe(Statements.make(dialect, "effect_tilia_token_store").createTable.text)
  }
})
