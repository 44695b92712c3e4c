import * as Effect from "effect/Effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { tell } from "./support/story.js"

tell({
  name: "a SQLite file",
  start: Effect.gen(function*() {
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "tilia-fleet-"))),
      (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
    )
    return { store: `sqlite:${join(folder, "tokens.db")}`, disturbances: {} }
  }),
  disturbances: [],
  outage: "15 seconds"
})
