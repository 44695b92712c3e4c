import { describe, expect, it } from "@effect/vitest"
import * as Arguments from "../src/Arguments.js"
import { type Command, commands } from "../src/Commands.js"
import * as Help from "../src/Help.js"

const names = Object.keys(commands)

const parse = (line: string) => Arguments.parse(line.split(" ").filter(Boolean))

const secret = "4cbac2cd-8d88-4a4b-9d39-2a1e2d0c1b5f"

describe("Arguments", () => {
  it.each(["", "help", "--help", "-h"])("`tilia %s` is the help", (line) => {
    expect(parse(line)).toEqual({ _tag: "Help", text: Help.overview })
  })

  it.each(["help exec", "exec --help", "exec -h", "exec --scopes a --help", "exec --bogus --help"])(
    "`tilia %s` is the help of the command",
    (line) => {
      expect(parse(line)).toEqual({ _tag: "Help", text: Help.page("exec") })
    }
  )

  it.each(["version", "--version", "-v"])("`tilia %s` is the version", (line) => {
    expect(parse(line)).toEqual({ _tag: "Version" })
  })

  it.each([
    ["token", { format: "raw", timeout: "30s" }],
    ["token --format json --verbose", { format: "json", timeout: "30s", verbose: true }],
    ["token --timeout=5s --timeout 7s", { format: "raw", timeout: "7s" }],
    ["token --timeout -1", { format: "raw", timeout: "-1" }],
    ["doctor --json", { timeout: "10s", json: true }]
  ])("`tilia %s` has the flags %o, those with a default included", (line, flags) => {
    const run = parse(line)
    expect(run).toMatchObject({ _tag: "Run", operands: [], child: [] })
    expect({ ..."flags" in run ? run.flags : {} }).toEqual(flags)
  })

  it("what follows after -- is the command to run, and its flags are its own", () => {
    expect(parse("exec --scopes a -- sh -c --scopes b -- --help")).toMatchObject({
      _tag: "Run",
      flags: { scopes: "a" },
      child: ["sh", "-c", "--scopes", "b", "--", "--help"]
    })
    expect(parse("sandbox")).toMatchObject({ _tag: "Run", child: [] })
  })

  it("a request has a method, a URL, and as many headers as are given", () => {
    expect(parse("request POST https://a.example --header a:1 --header b:2 --data -")).toMatchObject({
      _tag: "Run",
      operands: ["POST", "https://a.example"],
      flags: { header: ["a:1", "b:2"], data: "-" }
    })
  })

  it.each([
    ["tokne", "no command \"tokne\". Did you mean token?"],
    ["Doctro", "Did you mean doctor?"],
    ["help inspct", "Did you mean inspect?"],
    ["--versoin", "no flag \"--versoin\". Did you mean version?"],
    ["xyzzy", "no command \"xyzzy\".\n"],
    ["token --tiemout 5s", "no flag \"--tiemout\". Did you mean --timeout?"],
    ["token -x", "no flag \"-x\".\n"],
    ["token --constructor", "no flag \"--constructor\".\n"],
    ["token --timeout", "--timeout needs a value, as --timeout 30s"],
    ["token --timeout --verbose", "--timeout needs a value"],
    ["token --verbose=yes", "--verbose takes no value"],
    ["token --format xml", "--format must be raw, json or header."],
    ["token extra", "tilia token takes no arguments."],
    ["inspect eyJ", "tilia inspect takes no arguments. It reads the token from standard input."],
    ["request GET", "tilia request takes METHOD and URL."],
    ["exec", "tilia exec needs a command to run: tilia exec -- …"],
    ["exec --", "tilia exec needs a command to run after --: tilia exec -- …"],
    ["sandbox --", "tilia sandbox needs a command to run after --: tilia sandbox -- …"],
    ["exec ls", "Write -- before the command to run: tilia exec -- …"],
    ["sandbox npm test", "Write -- before the command to run"]
  ])("`tilia %s` is a mistake, and the message says what to do: %s", (line, message) => {
    const answer = parse(line)
    expect(answer._tag).toBe("Mistake")
    expect("text" in answer ? answer.text : "").toContain(message)
  })

  it.each([
    secret,
    `--client-secret=${secret}`,
    `--${secret}`,
    `token ${secret}`,
    `token --secret ${secret}`,
    `token --format ${secret}`,
    `help ${secret}`,
    `exec ${secret}`,
    `request ${secret}`
  ])("a message does not repeat a secret that is in the wrong place (L4): `tilia %s`", (line) => {
    const answer = parse(line)
    expect(answer._tag).toBe("Mistake")
    expect(JSON.stringify(answer)).not.toContain(secret)
  })
})

describe("the help", () => {
  it("has a line for each command", () => {
    for (const name of [...names, "help", "version"]) {
      expect(Help.overview).toMatch(new RegExp(`^  ${name}\\b.* [A-Z]`, "m"))
    }
  })

  it.each(Object.entries<Command>(commands))(
    "of %s reads as it is typed, with each flag and its default",
    (name, command) => {
      const page = name in commands ? parse(`help ${name}`) : undefined
      const text = page?._tag === "Help" ? page.text : ""
      expect(text).toMatch(new RegExp(`^  tilia ${name} `, "m"))
      const unwrapped = text.replace(/\s+/g, " ")
      for (const [flag, { default: value, otherwise }] of Object.entries(command.flags)) {
        expect(text).toMatch(new RegExp(`^  --${flag}\\b`, "m"))
        const absent = value ?? otherwise
        if (absent !== undefined) expect(unwrapped).toContain(`(default: ${absent})`)
      }
      for (const line of text.split("\n")) if (!line.startsWith("  tilia ")) expect(line.length).toBeLessThanOrEqual(80)
    }
  )

  it("no flag takes a secret (L4)", () => {
    const flags = Object.values<Command>(commands).flatMap(({ flags }) => Object.keys(flags))
    expect(flags.filter((flag) => /secret|token|password|credential/.test(flag))).toEqual([])
  })
})
