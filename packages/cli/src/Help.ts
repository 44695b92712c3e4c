/*
 * Help that teaches by examples.
 */
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as Span from "@effect/cli/HelpDoc/Span"
import * as Arr from "effect/Array"

/** A summary, what else to know, and examples: a command and what it is good for. */
export interface Page {
  readonly summary: string
  readonly notes?: ReadonlyArray<string>
  readonly examples: Arr.NonEmptyReadonlyArray<readonly [command: string, meaning: string]>
}

export const page = ({ examples, notes = [], summary }: Page): HelpDoc.HelpDoc =>
  HelpDoc.blocks([
    HelpDoc.p(summary),
    ...notes.map((note) => HelpDoc.p(note)),
    HelpDoc.descriptionList(Arr.map(examples, ([command, meaning]) => [Span.code(command), HelpDoc.p(meaning)]))
  ])
