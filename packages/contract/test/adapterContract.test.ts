/*
 * The contract turns red on clients that break it, and where it should.
 */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { planted } from "./support/planted.js"

const results = planted("clients")

const redirects = [301, 302, 303, 307, 308].flatMap((status) => [
  `E3: row 20: ${status} is not followed, and its target not connected to`,
  ...["https://127.0.0.2/token?x=1", "http://127.0.0.2/", "//127.0.0.2"].map((to) => `row 20: ${status} to ${to}`)
])

/** On a busy machine its one attempt may end before there is a socket to be left open. */
const unseen = "row 9: neither is a socket left open where the answer's body was never looked at"

const faults: ReadonlyArray<readonly [string, ReadonlyArray<string>]> = [
  ["follows redirects", [...redirects, "row 38: Location repeats the secret"]],
  ["buffers bodies", [
    "E5: a body is read as it comes, and its socket closed where the reader stops",
    "E6: the end of a scope closes the socket of an answer that nobody read",
    "E5: row 27: a body without end is cut, and the connection with it"
  ]],
  ["swallows interruption", [
    "E6: interruption before headers closes the socket",
    "E6: interruption in mid body closes the socket",
    "E6: interruption a byte at a time closes the socket",
    "row 9: an attempt that hangs before headers ends in time, and its socket is closed",
    "row 9: an attempt that hangs in mid body ends in time, and its socket is closed",
    unseen,
    "row 10: interruption before headers closes the socket, and nothing is tried again",
    "row 10: interruption in mid body closes the socket, and nothing is tried again"
  ]],
  ["reports status 0", [
    "row 16: no answer is an error, not an answer of status 0",
    "row 1: connection refused",
    "row 4: no such name",
    "row 5: a certificate of an unknown authority, and not one byte is sent",
    "row 6: https to a plain port that answers",
    "row 7: close before headers",
    "row 7: close in mid headers",
    "row 7: reset before headers",
    "row 7: reset in mid headers",
    "row 14: 100 Continue unasked"
  ]]
]

describe("adapterContract turns red on a client that", () => {
  it.live.each(faults)("%s", ([fault, expected]) =>
    Effect.gen(function*() {
      const { failed, passed } = yield* results(fault)
      const certain = (titles: ReadonlyArray<string>) => titles.filter((title) => title !== unseen).sort()
      expect(certain(failed)).toStrictEqual(certain(expected))
      expect(passed.length).toBeGreaterThan(30)
    }), 60_000)
})
