import { describe, expect, it } from "@effect/vitest"
import { textOf } from "../../../src/internal/tokenMediator/parsedBody.js"

const ended = { readableEnded: true }

describe("A body that a framework has read (M8)", () => {
  it.each<[string, unknown, string | undefined]>([
    ["an object, as express.json() leaves it", { ...ended, body: { scopes: ["a"] } }, "{\"scopes\":[\"a\"]}"],
    ["a text, as express.text() leaves it", { ...ended, body: "{}" }, "{}"],
    ["bytes, as express.raw() leaves them", { ...ended, body: new TextEncoder().encode("{}") }, "{}"],
    ["a body that has still to be read", { readableEnded: false, body: {} }, undefined],
    ["no parsed body", ended, undefined],
    ["a parsed body that is undefined", { ...ended, body: undefined }, undefined],
    ["the request of a fetch handler", new Request("http://localhost", { method: "POST", body: "{}" }), undefined],
    ["nothing", undefined, undefined]
  ])("the text is found in %s (M8)", (_, source, expected) => {
    expect(textOf(source)).toBe(expected)
  })
})
