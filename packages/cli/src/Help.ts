/*
 * The help pages, which explain by examples.
 */
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as Span from "@effect/cli/HelpDoc/Span"
import * as Arr from "effect/Array"

/** The content of a help page. */
export interface Page {
  /** What the command does, in one sentence. */
  readonly summary: string
  /** What else a user should know, one paragraph each. */
  readonly notes?: ReadonlyArray<string>
  /** Commands, and what each of them does. */
  readonly examples: Arr.NonEmptyReadonlyArray<readonly [command: string, meaning: string]>
}

/** The help page as `@effect/cli` prints it. */
export const page = ({ examples, notes = [], summary }: Page): HelpDoc.HelpDoc =>
  HelpDoc.blocks([
    HelpDoc.p(summary),
    ...notes.map((note) => HelpDoc.p(note)),
    HelpDoc.descriptionList(Arr.map(examples, ([command, meaning]) => [Span.code(command), HelpDoc.p(meaning)]))
  ])
