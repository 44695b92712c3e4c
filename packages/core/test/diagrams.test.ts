/*
 * The diagrams of the documents, which are drawn by what the state machine of the source does. If a test fails, look at
 * the difference. If it is meant, draw them anew: see `support/diagrams/write.ts`.
 */
import { describe, expect, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { basename } from "node:path"
import { diagrams } from "./support/diagrams/diagrams.js"
import { outageStory } from "./support/diagrams/outage.js"

describe.each(diagrams.map((diagram) => ({ ...diagram, name: basename(diagram.file) })))(
  "$name",
  ({ draw, file, name }) => {
    it(`the picture docs/images/${name} shows what the token source does`, () => {
      expect(readFileSync(file, "utf8"), "support/diagrams/write.ts draws it anew").toBe(draw())
    })

    it(`the picture docs/images/${name} has a title and a description for readers who cannot see it`, () => {
      expect(draw()).toMatch(/<title id="title">[^<]+<\/title>\n<desc id="description">[^<]{100,}<\/desc>/)
    })
  }
)

it("in the outage that docs/why.md shows, only the first caller waits (S4, S6)", () => {
  const { requests, served, waited } = outageStory
  expect(waited).toBe(1)
  expect(served).toBeGreaterThan(4000)
  expect(requests.filter(({ succeeded }) => succeeded)).toHaveLength(2)
})
