/*
 * The diagrams of the documents that are drawn by what the code does.
 */
import { join } from "node:path"
import { outageDiagram } from "./outage.js"
import { statesDiagram } from "./states.js"

const images = join(import.meta.dirname, "../../../../../docs/images")

export interface Diagram {
  readonly file: string
  readonly draw: () => string
}

export const diagrams: ReadonlyArray<Diagram> = [
  { file: join(images, "outage.svg"), draw: outageDiagram },
  { file: join(images, "states.svg"), draw: statesDiagram }
]
