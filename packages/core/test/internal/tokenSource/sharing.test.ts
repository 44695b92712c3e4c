import { Scopes, TokenError } from "@effect-tilia/core"
import { StoreError } from "@effect-tilia/core/TokenStore"
import { TestAccessToken } from "@effect-tilia/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { make } from "../../../src/internal/tokenSource/sharing.js"

const down = new TokenError.ServiceUnavailableError({ status: 503, attempts: 1 })

describe("Steps of a shared request (T1)", () => {
  /** A store that answers its readers and those who want its lock in turn, and a server; both note who comes. */
  const asking = Effect.fnUntraced(function*(
    { fails = false, found, isFree = [true], mustAsk = false }: {
      readonly fails?: boolean
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
    const { obtain } = make(
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
      { skipped: () => note("skip") }
    )
    const token = Effect.orDie(TestAccessToken.make({ text: "new" }))
    const request = Effect.zipRight(note("request"), fails ? Effect.fail(down) : token)
    const fiber = yield* Effect.fork(
      obtain(
        request,
        mustAsk ? undefined : {
          isFresh: ({ token }) => !["stale", "expired"].includes(TestAccessToken.text(token)),
          isValid: ({ token }) => TestAccessToken.text(token) !== "expired"
        }
      )
    )
    yield* TestClock.adjust("1 second")
    const got = yield* Effect.match(Fiber.join(fiber), {
      onFailure: ({ _tag }) => [_tag],
      onSuccess: ({ failure, generation, isRequested, token }) => [
        TestAccessToken.text(token),
        generation,
        isRequested,
        ...(failure === undefined ? [] : [failure._tag])
      ]
    })
    return { noted, got }
  })

  it.effect.each(
    [
      ["a source takes a usable stored token without the lock", { found: ["old"] }, ["read"], ["old", 1, false]],
      [
        "a source requests and stores a token if the store has none",
        { found: [] },
        ["read", "lock", "read", "request", "write new", "release"],
        ["new", 2, true]
      ],
      [
        "a source requests and stores a token if the stored one is not usable",
        { found: ["stale", "stale"] },
        ["read", "lock", "read", "request", "write new", "release"],
        ["new", 2, true]
      ],
      [
        "a source takes a token that another source stored before it got the lock",
        { found: [undefined, "old"] },
        ["read", "lock", "read", "release"],
        ["old", 1, false]
      ],
      [
        "a source takes a token that the holder of the lock stores",
        { found: [undefined, undefined, "old"], isFree: [false, false] },
        ["read", "lock", "read", "lock", "read"],
        ["old", 1, false]
      ],
      [
        "a source requests a token if the holder of the lock releases it without one",
        { found: [], isFree: [false, true] },
        ["read", "lock", "read", "lock", "read", "request", "write new", "release"],
        ["new", 2, true]
      ],
      [
        "a source whose request fails uses a stored token that is only due",
        { found: ["stale", "stale", "stale"], fails: true },
        ["read", "lock", "read", "request", "release", "read"],
        ["stale", 1, false, "ServiceUnavailableError"]
      ],
      [
        "a source whose request fails does not use a stored token that has expired",
        { found: ["expired", "expired", "expired"], fails: true },
        ["read", "lock", "read", "request", "release", "read"],
        ["ServiceUnavailableError"]
      ],
      [
        "a source that must request uses no stored token if that fails",
        { found: ["old"], fails: true, mustAsk: true },
        ["lock", "request", "release"],
        ["ServiceUnavailableError"]
      ],
      [
        "a source that must request does not read the store",
        { found: ["old", "old"], mustAsk: true },
        ["lock", "request", "write new", "release"],
        ["new", 2, true]
      ]
    ] as const
  )("%s (T1)", ([_, store, noted, got]) =>
    Effect.gen(function*() {
      expect(yield* asking(store)).toStrictEqual({ noted, got })
    }))
})

it.effect("a store that is down has no token, and its error is reported (T2)", () =>
  Effect.gen(function*() {
    const skipped: Array<StoreError> = []
    const error = new StoreError({ reason: "Unavailable" })
    const { read } = make(
      { read: () => error, lock: () => error, changes: () => Stream.empty },
      yield* Scopes.make(["user_info"]),
      { skipped: (error) => Effect.sync(() => void skipped.push(error)) }
    )
    expect(yield* read(() => true)).toStrictEqual(Option.none())
    expect(skipped).toStrictEqual([error])
  }))
