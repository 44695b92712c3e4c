/*
 * Reads the arguments of the process: which command with which flags, or a text that answers them. Pure, and without
 * Effect (P10). A message repeats an argument only if it looks like a name, because it could be a secret that somebody
 * has put into the wrong place (L4).
 */
import { closest, distance } from "fastest-levenshtein"
import { parseArgs } from "node:util"
import { type Command, commands, isName, type Name } from "./Commands.js"
import * as Help from "./Help.js"

/** A command with its arguments. The values of the flags are not decoded yet. */
export interface Run {
  readonly _tag: "Run"
  readonly name: Name
  readonly flags: Readonly<Record<string, string | boolean | ReadonlyArray<string | boolean> | undefined>>
  readonly operands: ReadonlyArray<string>
  /** What follows after `--`: a command to run and its arguments. */
  readonly child: ReadonlyArray<string>
}

/** What is printed on standard output, or on standard error if the arguments are wrong (exit status 2). */
export type Answer =
  | { readonly _tag: "Help"; readonly text: string }
  | { readonly _tag: "Version" }
  | { readonly _tag: "Mistake"; readonly text: string }

const help = (text: string): Answer => ({ _tag: "Help", text })

const mistake = (text: string, name?: Name): Answer => ({
  _tag: "Mistake",
  text: `${text}\n${name === undefined ? "tilia --help lists the commands." : `tilia ${name} --help explains it.`}`
})

/** The argument in quotes if it looks like the name of a command or a flag. A UUID or a token does not. */
const quoted = (text: string): string => /^-{0,2}[a-z][a-z-]{0,19}$/i.test(text) ? ` "${text}"` : ""

/** The name that was probably meant: two letters were swapped, or one or two are wrong. */
const nearMiss = (text: string, names: ReadonlyArray<string>, prefix = ""): string => {
  const given = text.replace(/^-+/, "").toLowerCase()
  const name = closest(given, names)
  return distance(given, name) <= 2 ? ` Did you mean ${prefix}${name}?` : ""
}

const unknownCommand = (text: string): Answer =>
  mistake(
    `tilia has no ${text.startsWith("-") ? "flag" : "command"}${quoted(text)}.${
      nearMiss(text, [...Object.keys(commands), "help", "version"])
    }`
  )

const helpOn = ([name]: ReadonlyArray<string>): Answer => {
  if (name === undefined) return help(Help.overview)
  return isName(name) ? help(Help.page(name)) : unknownCommand(name)
}

/** Where somebody may expect that a command takes arguments. */
const instead: Partial<Record<Name, string>> = { inspect: " It reads the token from standard input." }

/** As Node's `parseArgs` takes them. */
const options = ({ flags }: Command) =>
  Object.fromEntries([
    ...Object.entries(flags).map(([name, { default: value, isRepeatable = false, value: shown }]) =>
      [name, {
        type: shown === undefined ? "boolean" as const : "string" as const,
        multiple: isRepeatable,
        ...(value !== undefined && { default: value })
      }] as const
    ),
    ["help", { type: "boolean" as const, short: "h" }] as const
  ])

const split = (name: Name, args: ReadonlyArray<string>) =>
  parseArgs({
    args: [...args],
    options: options(commands[name]),
    strict: false, // its own messages repeat what was given
    allowPositionals: true,
    tokens: true
  })

type Token = ReturnType<typeof split>["tokens"][number]

/** What is wrong with a flag. */
const problemOf = (name: Name, token: Extract<Token, { readonly kind: "option" }>): string | undefined => {
  const { flags }: Command = commands[name]
  const { inlineValue, name: flag, rawName, value } = token
  const known = Object.hasOwn(flags, flag) ? flags[flag] : undefined
  if (known === undefined) {
    return `tilia ${name} has no flag${quoted(rawName)}.${nearMiss(flag, Object.keys(flags), "--")}`
  }
  if (known.value === undefined) return value === undefined ? undefined : `--${flag} takes no value.`
  if (value === undefined || (inlineValue === false && /^--?[a-z]/i.test(value))) {
    return `--${flag} needs a value, as --${flag} ${known.value}`
  }
  if (known.choices === undefined || known.choices.includes(value)) return undefined
  return `--${flag} must be ${known.choices.slice(0, -1).join(", ")} or ${known.choices.at(-1)}.`
}

/** What is wrong with the arguments that are no flags. `child` is what stands behind `--`, if that is there. */
const misplaced = (
  name: Name,
  operands: ReadonlyArray<string>,
  child: ReadonlyArray<string> | undefined
): string | undefined => {
  const command: Command = commands[name]
  if (command.child !== "none" && operands.length > 0) return `Write -- before the command to run: tilia ${name} -- …`
  if (command.child !== "none" && child?.length === 0 || command.child === "required" && child === undefined) {
    return `tilia ${name} needs a command to run${child === undefined ? "" : " after --"}: tilia ${name} -- …`
  }
  if (operands.length === command.operands.length) return undefined
  const takes = command.operands.length === 0 ? "no arguments" : command.operands.join(" and ")
  return `tilia ${name} takes ${takes}.${instead[name] ?? ""}`
}

const values = (tokens: ReadonlyArray<Token>): ReadonlyArray<string> =>
  tokens.flatMap((token) => token.kind === "positional" ? [token.value] : [])

const run = (name: Name, args: ReadonlyArray<string>): Run | Answer => {
  const { tokens, values: flags } = split(name, args)
  if (flags["help"] === true) return help(Help.page(name))
  const end = tokens.findIndex(({ kind }) => kind === "option-terminator")
  const after = end === -1 ? [] : values(tokens.slice(end))
  const hasChild = commands[name].child !== "none"
  const operands = hasChild ? values(end === -1 ? tokens : tokens.slice(0, end)) : values(tokens)
  const child = hasChild ? after : []
  const [problem = misplaced(name, operands, end === -1 ? undefined : child)] = tokens.flatMap((token) =>
    token.kind === "option" ? problemOf(name, token) ?? [] : []
  )
  return problem === undefined ? { _tag: "Run", name, flags, operands, child } : mistake(problem, name)
}

/** The arguments as in `process.argv`, without the program and its file. */
export const parse = (args: ReadonlyArray<string>): Run | Answer => {
  const [first, ...rest] = args
  if (first === undefined || first === "help" || first === "--help" || first === "-h") return helpOn(rest)
  if (first === "version" || first === "--version" || first === "-v") return { _tag: "Version" }
  return isName(first) ? run(first, rest) : unknownCommand(first)
}
