/*
 * Draws the diagrams of the documents anew:
 *
 *   node --conditions=@effect-tilia/source --import tsx packages/core/test/support/diagrams/write.ts
 */
import { writeFileSync } from "node:fs"
import { diagrams } from "./diagrams.js"

for (const { draw, file } of diagrams) writeFileSync(file, draw())
