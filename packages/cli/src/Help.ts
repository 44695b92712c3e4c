/*
 * The help pages, made of the table of commands. Pure.
 */
import { type Command, commands, exitStatuses, type Flag, type Name } from "./Commands.js"

const width = 80

/** Breaks a text into lines between words. */
const wrap = (text: string, columns: number): ReadonlyArray<string> =>
  text.split(" ").reduce<ReadonlyArray<string>>((lines, word) => {
    const last = lines.at(-1)
    return last === undefined || last.length + 1 + word.length > columns
      ? [...lines, word]
      : [...lines.slice(0, -1), `${last} ${word}`]
  }, [])

const paragraph = (text: string): string => wrap(text, width).join("\n")

/** Two columns. A text that is longer than its column goes on below itself. */
const list = (title: string, rows: ReadonlyArray<readonly [name: string, text: string]>): string => {
  const column = Math.min(28, Math.max(...rows.map(([name]) => name.length))) + 4
  const lines = rows.flatMap(([name, text]) => {
    const [first = "", ...rest] = wrap(text, width - column)
    const below = rest.map((line) => `${" ".repeat(column)}${line}`)
    return name.length + 4 > column
      ? [`  ${name}`, `${" ".repeat(column)}${first}`, ...below]
      : [`${`  ${name}`.padEnd(column)}${first}`, ...below]
  })
  return [title, ...lines].join("\n")
}

/** `--format raw|json|header`, `--verbose`. */
const written = (name: string, { choices, value }: Flag): string => {
  const shown = choices?.join("|") ?? value
  return shown === undefined ? `--${name}` : `--${name} ${shown}`
}

const described = (flag: Flag): string => {
  const absent = flag.default ?? flag.otherwise
  return absent === undefined ? flag.text : `${flag.text} (default: ${absent})`
}

const child = { none: [], optional: ["[-- COMMAND …]"], required: ["-- COMMAND …"] }

/** `tilia token [--scopes a,b] …`, without the line breaks. */
export const usage = (name: Name): string => {
  const command: Command = commands[name]
  const flags = Object.entries(command.flags).map(([name, flag]) =>
    `[${written(name, flag)}]${flag.isRepeatable === true ? "…" : ""}`
  )
  return ["tilia", name, ...command.operands, ...flags, ...child[command.child]].join(" ")
}

/** The help of one command. */
export const page = (name: Name): string => {
  const { examples, flags, notes, summary }: Command = commands[name]
  return [
    `${summary}.`,
    `Usage\n  ${wrap(usage(name), width - 4).join("\n    ")}`,
    list("Flags", Object.entries(flags).map(([name, flag]) => [written(name, flag), described(flag)])),
    list("Examples", examples),
    ...notes.map(paragraph)
  ].join("\n\n")
}

/** The help of `tilia` itself. */
export const overview: string = [
  "tilia gets access tokens of the Tilia payments API, and helps to use them.",
  "Usage\n  tilia COMMAND [flags]",
  list("Commands", [
    ...Object.entries(commands).map(([name, { summary }]) => [name, summary] as const),
    ["help [COMMAND]", "Explain a command, as --help after it does"],
    ["version", "Print the version, as --version and -v do"]
  ]),
  list("Examples", [
    ["tilia sandbox", "runs a local server to try things on, and prints its settings"],
    ["tilia token", "prints a token"],
    ["tilia token | tilia inspect", "shows what the token contains"],
    ["tilia doctor", "finds out what is wrong"]
  ]),
  list("Exit status", exitStatuses.map(([status, meaning]) => [String(status), meaning]))
].join("\n\n")
