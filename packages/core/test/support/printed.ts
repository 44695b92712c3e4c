import { linesShowing } from "@effect-tilia/testing"

/** Everything that a program could print of a value, in one text: for node's tests until they use `linesShowing`. */
export const printed = (value: unknown): string => linesShowing("", value).join("\n")
