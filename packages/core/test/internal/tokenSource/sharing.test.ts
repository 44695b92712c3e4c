/*
 * The steps of a flight over a store: which commands it gives, in which order, and what comes of them (T1, T6, T8).
 */
import { Scopes, TokenError } from "@effect-tilia/core"
import * as TokenStore from "@effect-tilia/core/TokenStore"
import { TestAccessToken } from "@effect-tilia/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { make } from "../../../src/internal/tokenSource/sharing.js"

const { StoreError } = TokenStore

const down = new TokenError.ServiceUnavailableError({ status: 503, attempts: 1 })

const failure: TokenStore.Failure = {
  error: down,
  failures: 1,
  remaining: Duration.seconds(1),
  isBinding: true
}

/** What the store holds: a token by its text, or a failure that is in force, or one whose cool-down is over. */
type Holds = "fresh" | "due" | "expired" | "failed" | "failed before" | "due, failed" | undefined

const entryOf = (holds: Holds): Effect.Effect<TokenStore.Entry> =>
  Effect.gen(function*() {
    const text = holds?.replace(", failed", "")
    const token = text === undefined || text.startsWith("failed")
      ? Option.none()
      : Option.some({ token: yield* Effect.orDie(TestAccessToken.make({ text })), generation: 1 })
    return {
      token,
      failure: holds?.includes("failed") === true
        ? Option.some({
          ...failure,
          generation: 2,
          remaining: holds === "failed before" ? Duration.zero : failure.remaining
        })
        : Option.none()
    }
  })

describe("Steps of a shared request (T1)", () => {
  /** A store that answers its readers and those who want its lock in turn, and a server; both note who comes. */
  const asking = Effect.fnUntraced(function*(
    { fails = false, found, isFree = [true], mustAsk = false }: {
      readonly fails?: boolean
      readonly found: ReadonlyArray<Holds>
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
    const [entries, locks] = [next(found), next(isFree)]
    const entry = Effect.flatMap(entries, entryOf)
    const lock: TokenStore.Lock = {
      generation: 2,
      settle: (outcome) => {
        switch (outcome._tag) {
          case "Granted":
            return note(`granted ${TestAccessToken.text(outcome.token)}`)
          case "Failed":
            return note(`failed ${outcome.failure.error._tag}`)
          case "Abandoned":
            return note("abandoned")
        }
      },
      renew: Effect.void
    }
    const { obtain } = make(
      {
        read: () => Effect.zipRight(note("read"), entry),
        lock: () =>
          Effect.flatMap(
            Effect.zipRight(note("lock"), locks),
            (isFree): Effect.Effect<TokenStore.Acquisition> =>
              isFree === true
                ? Effect.map(entry, (entry) => TokenStore.Acquired({ lock, entry }))
                : Effect.succeed(TokenStore.Held({ remaining: Duration.millis(200) }))
          ),
        changes: () => Stream.empty
      },
      yield* Scopes.make(["user_info"]),
      { skipped: () => note("skip"), shared: Effect.void }
    )
    const token = Effect.orDie(TestAccessToken.make({ text: "new" }))
    const fiber = yield* Effect.fork(obtain({
      mustAsk,
      view: ({ failure, token }) => {
        const stored = Option.getOrUndefined(token)
        const text = stored && TestAccessToken.text(stored.token)
        const failed = Option.getOrUndefined(failure)
        return {
          fresh: text === "fresh" ? stored : undefined,
          valid: text === "expired" ? undefined : stored,
          failure: failed,
          isHeldBack: failed !== undefined && Duration.toMillis(failed.remaining) > 0
        }
      },
      request: (before) =>
        Effect.zipRight(
          note(before === undefined ? "request" : `request ${before.failures + 1}`),
          fails ? Effect.fail(down) : token
        ),
      failureToShare: () => failure
    }))
    yield* TestClock.adjust("1 second")
    const got = yield* Effect.match(Fiber.join(fiber), {
      onFailure: ({ _tag }) => [_tag],
      onSuccess: (result) =>
        "token" in result
          ? [
            TestAccessToken.text(result.token),
            result.generation,
            result.isRequested,
            ...(result.failure === undefined ? [] : [result.failure._tag])
          ]
          : ["held back", result.heldBackBy.error._tag]
    })
    return { noted, got }
  })

  it.effect.each(
    [
      ["takes a fresh stored token without the lock", { found: ["fresh"] }, ["read"], ["fresh", 1, false]],
      [
        "requests and stores a token if the store has none",
        { found: [] },
        ["read", "lock", "request", "granted new"],
        ["new", 2, true]
      ],
      [
        "requests and stores a token if the stored one is due",
        { found: ["due", "due"] },
        ["read", "lock", "request", "granted new"],
        ["new", 2, true]
      ],
      [
        "takes a token that another source stored before it got the lock",
        { found: [undefined, "fresh"] },
        ["read", "lock", "abandoned"],
        ["fresh", 1, false]
      ],
      [
        "takes a token that the holder of the lock stores",
        { found: [undefined, undefined, "fresh"], isFree: [false, false] },
        ["read", "lock", "read", "lock", "read"],
        ["fresh", 1, false]
      ],
      [
        "requests a token if the holder of the lock gives it up without one",
        { found: [], isFree: [false, true] },
        ["read", "lock", "read", "lock", "request", "granted new"],
        ["new", 2, true]
      ],
      [
        "leaves its failure, and uses a stored token that is only due",
        { found: ["due", "due", "due"], fails: true },
        ["read", "lock", "request", "failed ServiceUnavailableError", "read"],
        ["due", 1, true, "ServiceUnavailableError"]
      ],
      [
        "leaves its failure, and does not use a stored token that has expired",
        { found: ["expired", "expired", "expired"], fails: true },
        ["read", "lock", "request", "failed ServiceUnavailableError", "read"],
        ["ServiceUnavailableError"]
      ],
      [
        "that must request uses no stored token if that fails",
        { found: ["fresh"], fails: true, mustAsk: true },
        ["lock", "request", "failed ServiceUnavailableError"],
        ["ServiceUnavailableError"]
      ],
      [
        "that must request does not read the store",
        { found: ["fresh", "fresh"], mustAsk: true },
        ["lock", "request", "granted new"],
        ["new", 2, true]
      ],
      [
        "that must request does so although another source has just failed",
        { found: ["failed"], mustAsk: true },
        ["lock", "request", "granted new"],
        ["new", 2, true]
      ],
      [
        "that must request takes the token that the holder of the lock stores (S2)",
        { found: [undefined, "fresh"], isFree: [false], mustAsk: true },
        ["lock", "read", "read"],
        ["fresh", 1, false]
      ],
      [
        "that must request takes the token that was stored before it got the lock, if it had to wait (S2)",
        { found: [undefined, undefined, "fresh"], isFree: [false, true], mustAsk: true },
        ["lock", "read", "read", "lock", "abandoned"],
        ["fresh", 1, false]
      ],
      [
        "that must request does not take the token that there was before the holder of the lock began",
        { found: ["fresh", "fresh", "fresh"], isFree: [false, true], mustAsk: true },
        ["lock", "read", "read", "lock", "request", "granted new"],
        ["new", 2, true]
      ],
      [
        "that must request fails as the holder of the lock does (S2)",
        { found: [undefined, "failed"], isFree: [false], mustAsk: true },
        ["lock", "read", "read"],
        ["held back", "ServiceUnavailableError"]
      ],
      [
        "that must request does so if the holder of the lock leaves nothing",
        { found: ["failed", "failed", "failed"], isFree: [false, true], mustAsk: true },
        ["lock", "read", "read", "lock", "request", "granted new"],
        ["new", 2, true]
      ],
      [
        "makes no request after another source's failure, in its cool-down",
        { found: ["failed"] },
        ["read"],
        ["held back", "ServiceUnavailableError"]
      ],
      [
        "makes no request if another source failed before it got the lock",
        { found: [undefined, "failed"] },
        ["read", "lock", "abandoned"],
        ["held back", "ServiceUnavailableError"]
      ],
      [
        "makes no request if the holder of the lock fails",
        { found: [undefined, "failed"], isFree: [false] },
        ["read", "lock", "read"],
        ["held back", "ServiceUnavailableError"]
      ],
      [
        "uses a token that is due, in another source's cool-down",
        { found: ["due, failed"] },
        ["read"],
        ["due", 1, false, "ServiceUnavailableError"]
      ],
      [
        "makes the next request in the row after another source's cool-down",
        { found: ["failed before", "failed before"] },
        ["read", "lock", "request 2", "granted new"],
        ["new", 2, true]
      ]
    ] as const
  )("a source %s (T1, T8)", ([_, store, noted, got]) =>
    Effect.gen(function*() {
      expect(yield* asking(store)).toStrictEqual({ noted, got })
    }))
})

describe("A store that does not do what it is told (T2)", () => {
  const nothing: TokenStore.Entry = { token: Option.none(), failure: Option.none() }

  it.effect("a store that is down has nothing, and its error is reported (T2)", () =>
    Effect.gen(function*() {
      const skipped: Array<TokenStore.StoreError> = []
      const error = new StoreError({ reason: "Unavailable" })
      const { read } = make(
        { read: () => error, lock: () => error, changes: () => Stream.empty },
        yield* Scopes.make(["user_info"]),
        { skipped: (error) => Effect.sync(() => void skipped.push(error)), shared: Effect.void }
      )
      expect(yield* read).toStrictEqual(nothing)
      expect(skipped).toStrictEqual([error])
    }))

  const stored: TokenStore.StoredFailure = { ...failure, generation: 1 }
  it.effect("what is read is skipped if it is no entry (T2)", () =>
    Effect.gen(function*() {
      const reasons: Array<string> = []
      const { read } = make(
        {
          read: () => Effect.sync(() => JSON.parse("{}")),
          lock: () => Effect.die("not asked for"),
          changes: () => Stream.empty
        },
        yield* Scopes.make(["user_info"]),
        { skipped: ({ reason }) => Effect.sync(() => void reasons.push(reason)), shared: Effect.void }
      )
      expect(yield* read).toStrictEqual(nothing)
      expect(reasons).toStrictEqual(["Unavailable"])
    }))

  const rubbish: ReadonlyArray<readonly [string, unknown]> = [
    ["a failure without an error", { token: Option.none(), failure: Option.some({ ...stored, error: undefined }) }],
    ["an error that is none", { token: Option.none(), failure: Option.some({ ...stored, error: { ...down } }) }],
    ["a negative count", { token: Option.none(), failure: Option.some({ ...stored, failures: -1 }) }],
    ["a wait that is no time", { token: Option.none(), failure: Option.some({ ...stored, remaining: 5 }) }],
    ["a failure of tomorrow", { token: Option.none(), failure: Option.some({ ...stored, generation: 86_400_001 }) }]
  ]

  it.effect.each(rubbish)("what is stored is skipped if it is %s (T2, T8)", ([_, entry]) =>
    Effect.gen(function*() {
      const reasons: Array<string> = []
      const { read } = make(
        {
          read: () => Effect.sync(() => JSON.parse("[]")[0] ?? Object(entry)),
          lock: () => Effect.die("not asked for"),
          changes: () => Stream.empty
        },
        yield* Scopes.make(["user_info"]),
        { skipped: ({ reason }) => Effect.sync(() => void reasons.push(reason)), shared: Effect.void }
      )
      expect(yield* read).toStrictEqual(nothing)
      expect(reasons).toStrictEqual(["Unreadable"])
    }))
})
