import { TiliaConfig, TokenError } from "@effect-tilia/core"
import { linesShowing } from "@effect-tilia/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"

const withSettings = (settings: Record<string, string>) =>
  Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(settings))))

describe("Errors of settings", () => {
  it("missing names the setting and says what to do", () => {
    expect(TiliaConfig.missing("TILIA_X", "set it")).toStrictEqual(ConfigError.MissingData(["TILIA_X"], "set it"))
  })

  it("invalid names the setting and says what is accepted", () => {
    expect(TiliaConfig.invalid("TILIA_X", "must be x")).toStrictEqual(ConfigError.InvalidData(["TILIA_X"], "must be x"))
  })
})

describe("TiliaConfig.list", () => {
  const Fishless = Schema.Array(Schema.String).pipe(
    Schema.filter((items) => !items.includes("swordfish"))
  ).annotations({ description: "a list without fish" })
  const list = TiliaConfig.list("TILIA_LIST", Fishless)

  it.effect.each<[string, ReadonlyArray<string>]>([
    ["a", ["a"]],
    ["a,b", ["a", "b"]],
    ["a, b ,c", ["a", "b", "c"]]
  ])("a list is read from \"%s\", a text with commas", ([text, items]) =>
    Effect.gen(function*() {
      expect(yield* withSettings({ TILIA_LIST: text })(list)).toStrictEqual(items)
    }))

  it.effect("a nested ConfigProvider reads the same list", () =>
    Effect.gen(function*() {
      const provider = ConfigProvider.nested(ConfigProvider.fromMap(new Map([["APP.TILIA_LIST", "a,b"]])), "APP")
      expect(yield* Effect.withConfigProvider(list, provider)).toStrictEqual(["a", "b"])
    }))

  it.effect("a list that is not valid is an InvalidData that names the setting and does not show the value", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(withSettings({ TILIA_LIST: "a,swordfish" })(list))
      expect(error).toMatchObject({ _op: "InvalidData", path: ["TILIA_LIST"], message: "must be a list without fish" })
      expect(linesShowing("swordfish", error)).toStrictEqual([])
    }))

  it.effect("a list that is absent is a MissingData that names the setting", () =>
    Effect.gen(function*() {
      expect(yield* Effect.flip(withSettings({})(list))).toMatchObject({ _op: "MissingData", path: ["TILIA_LIST"] })
    }))
})

describe("TiliaConfig.layer", () => {
  class Greeting extends Context.Tag("test/Greeting")<Greeting, string>() {}

  interface Options {
    readonly greeting: string
    readonly name: string
  }

  /** The service for these settings. The options that it is made of are added to `made`. */
  const built = (settings: Record<string, string>, made: Array<Options> = []) => {
    const make = (options: Options) => {
      made.push(options)
      return Layer.effect(
        Greeting,
        options.name === ""
          ? new TokenError.InvalidInputError({ setting: "name", expected: "a name" })
          : Effect.succeed(`${options.greeting} ${options.name}`)
      )
    }
    return Greeting.pipe(
      Effect.provide(TiliaConfig.layer({ greeting: Config.string("GREETING"), name: Config.string("NAME") }, make)),
      withSettings(settings)
    )
  }

  it.effect("the service is made of options that come from the configuration", () =>
    Effect.gen(function*() {
      const made: Array<Options> = []
      expect(yield* built({ GREETING: "Hello", NAME: "Ada" }, made)).toBe("Hello Ada")
      expect(made).toStrictEqual([{ greeting: "Hello", name: "Ada" }])
    }))

  it.effect("all settings that are missing are named in one ConfigError, and no service is made", () =>
    Effect.gen(function*() {
      const made: Array<Options> = []
      const error = yield* Effect.flip(built({}, made))
      expect(ConfigError.isConfigError(error)).toBe(true)
      expect(String(error)).toMatch(/GREETING[^]*NAME/)
      expect(made).toStrictEqual([])
    }))

  it.effect("an option that is out of range is a ConfigError that names its setting and repeats the advice (F4)", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(built({ GREETING: "Hello", NAME: "" }))
      expect(error).toMatchObject({ _op: "InvalidData", path: ["NAME"], message: "must be a name" })
    }))
})
