import { Scopes } from "@effect-tilia/core"
import { StoreError } from "@effect-tilia/core/TokenStore"
import { TestAccessToken } from "@effect-tilia/testing"
import { describe, expect, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { isNewer, make, nothingSeen, see } from "../../../src/internal/tokenSource/sharing.js"

/** A token issued so many milliseconds after 1970. */
const issuedAt = (millis: number) => TestAccessToken.make({ issuedAt: DateTime.unsafeMake(millis) })

describe("T6: what a source has seen", () => {
  it.effect.each(
    [
      // generation, issuedAt: of each token that was held, the last one in the store; whether that is news
      ["nothing yet", [], [1, 0], true],
      ["the same one", [[5, 100]], [5, 100], false],
      ["an older one, though issued later", [[5, 100]], [4, 200], false],
      ["a newer one, though another's clock says that it is older", [[5, 100]], [6, 50], true],
      ["one that isn't newer than the newest of several", [[7, 100], [5, 300]], [6, 400], false],
      ["one that is", [[7, 100], [5, 300]], [8, 400], true],
      ["one issued before what came past the store", [[5, 100], [undefined, 300]], [6, 200], false],
      ["one issued at that moment", [[5, 100], [undefined, 300]], [6, 300], false],
      ["one issued after it", [[5, 100], [undefined, 300]], [6, 301], true],
      ["one issued between two that came past it", [[undefined, 300], [undefined, 200]], [6, 250], false],
      ["an old one again, after one that came past it", [[5, 100], [undefined, 300]], [5, 400], false]
    ] as const
  )("%s", ([_, held, [generation, at], isNews]) =>
    Effect.gen(function*() {
      let seen = nothingSeen
      for (const [generation, at] of held) {
        seen = see(seen, { token: yield* issuedAt(at), generation, isRequested: true })
      }
      expect(isNewer({ token: yield* issuedAt(at), generation }, seen)).toBe(isNews)
    }))
})

describe("T1: what is asked, and when", () => {
  /** A store that answers its readers and those who want its lock in turn, and a server; both note who comes. */
  const asking = Effect.fnUntraced(function*(
    { found, isFree = [true], mustAsk = false }: {
      readonly found: ReadonlyArray<string | undefined>
      readonly isFree?: ReadonlyArray<boolean>
      readonly mustAsk?: boolean
    }
  ) {
    const noted: Array<string> = []
    const note = (what: string) => Effect.sync(() => noted.push(what))
    const next = <A>(answers: ReadonlyArray<A>) => {
      const left = [...answers]
      return Effect.sync(() => left.shift())
    }
    const [reads, locks] = [next(found), next(isFree)]
    const stored = (text: string) =>
      Effect.map(Effect.orDie(TestAccessToken.make({ text })), (token) => ({ token, generation: 1 }))
    const { ask } = make(
      {
        read: () =>
          note("read").pipe(
            Effect.zipRight(reads),
            Effect.flatMap((text) => text === undefined ? Effect.succeedNone : Effect.asSome(stored(text)))
          ),
        lock: () =>
          note("lock").pipe(
            Effect.zipRight(locks),
            Effect.map((isFree) =>
              isFree === true
                ? Option.some({
                  generation: 2,
                  write: (token) => note(`write ${TestAccessToken.text(token)}`),
                  renew: Effect.void,
                  release: note("release")
                })
                : Option.none()
            )
          ),
        changes: () => Stream.empty
      },
      yield* Scopes.make(["user_info"]),
      () => note("skip")
    )
    const request = Effect.zipRight(note("request"), TestAccessToken.make({ text: "new" }))
    const fiber = yield* Effect.fork(
      ask(request, mustAsk ? undefined : ({ token }) => TestAccessToken.text(token) !== "stale")
    )
    yield* TestClock.adjust("1 second")
    const { generation, isRequested, token } = yield* Fiber.join(fiber)
    return { noted, got: [TestAccessToken.text(token), generation, isRequested] }
  })

  it.effect.each(
    [
      ["a token that is there", { found: ["old"] }, ["read"], ["old", 1, false]],
      [
        "none",
        { found: [] },
        ["read", "lock", "read", "request", "write new", "release"],
        ["new", 2, true]
      ],
      [
        "one that won't do",
        { found: ["stale", "stale"] },
        ["read", "lock", "read", "request", "write new", "release"],
        ["new", 2, true]
      ],
      [
        "one that another wrote before this one had the lock",
        { found: [undefined, "old"] },
        ["read", "lock", "read", "release"],
        ["old", 1, false]
      ],
      [
        "one that the lock's holder writes",
        { found: [undefined, undefined, "old"], isFree: [false, false] },
        ["read", "lock", "read", "lock", "read"],
        ["old", 1, false]
      ],
      [
        "a holder that goes without having written",
        { found: [], isFree: [false, true] },
        ["read", "lock", "read", "lock", "read", "request", "write new", "release"],
        ["new", 2, true]
      ],
      [
        "whatever, where another one is wanted",
        { found: ["old", "old"], mustAsk: true },
        ["lock", "request", "write new", "release"],
        ["new", 2, true]
      ]
    ] as const
  )("%s", ([_, store, noted, got]) =>
    Effect.gen(function*() {
      expect(yield* asking(store)).toStrictEqual({ noted, got })
    }))
})

it.effect("T2: a store that is down has no token, and that is told", () =>
  Effect.gen(function*() {
    const skipped: Array<StoreError> = []
    const error = new StoreError({ reason: "Unavailable" })
    const { read } = make(
      { read: () => error, lock: () => error, changes: () => Stream.empty },
      yield* Scopes.make(["user_info"]),
      (error) => Effect.sync(() => void skipped.push(error))
    )
    expect(yield* read(() => true)).toStrictEqual(Option.none())
    expect(skipped).toStrictEqual([error])
  }))
