/*
 * What a fleet of eight real processes goes through on one engine, from its cold start to an outage of the server. Each
 * chapter disturbs it in another way, and states how many token requests that may cost at most.
 */
import * as Faults from "@effect-tilia/sandbox/Faults"
import * as NodeSandbox from "@effect-tilia/sandbox/NodeSandbox"
import * as Sandbox from "@effect-tilia/sandbox/Sandbox"
import { linesShowing } from "@effect-tilia/testing"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest"
import * as Fleet from "../../src/Fleet.js"
import * as Busyness from "./busyness.js"

/** An engine that was started. */
export interface Engine {
  /** As `Stores.layerOf` takes it. */
  readonly store: string
  /** All that a reader of the engine sees while a token is renewed. */
  readonly spy: (renewal: Effect.Effect<unknown, unknown>) => Effect.Effect<string, unknown, Scope.Scope>
  readonly disturbances: Readonly<Record<string, Effect.Effect<unknown, unknown>>>
}

export interface Story {
  readonly name: string
  readonly start: Effect.Effect<Engine, unknown, Scope.Scope>
  /** What can happen to this engine, by its title, and how many requests that costs at most. */
  readonly disturbances: ReadonlyArray<readonly [title: string, costs: number]>
  /** How long the server is away at the end. Without it, no process and no server is disturbed, but only the engine. */
  readonly outage?: Duration.DurationInput
}

const count = 8

/** In seconds. A token is renewed at four fifths of it. */
const lifetime = 5

/** How long callers may wait for the first token after an outage (P12). */
const recovery = Duration.seconds(13)

const until = <E>(check: Effect.Effect<boolean, E>, within: Duration.DurationInput) =>
  Effect.repeat(check, {
    until: (holds) => holds,
    schedule: Schedule.spaced("20 millis")
  }).pipe(Effect.timeoutFail({ duration: within, onTimeout: () => new Error(`not within ${Duration.format(within)}`) }))

/** How many requests are due in a time that begins with one. */
const dueIn = (time: Duration.Duration): number => 1 + Math.floor(Duration.toSeconds(time) / (0.75 * lifetime))

const newSandbox = NodeSandbox.make({ tokenLifetime: `${lifetime} seconds` })

const requestsOf = ({ received }: NodeSandbox.NodeSandbox): Effect.Effect<number> =>
  Effect.map(received, (requests) => requests.filter(({ path }) => path === "/token").length)

/** All processes have the same token, which is not this one. Returns it. */
const oneToken = (members: ReadonlyArray<Fleet.Member>, before: string) =>
  until(
    Effect.map(Fleet.total(members), ({ tokens }) => tokens.size === 1 && !tokens.has(before) && !tokens.has("")),
    "20 seconds"
  ).pipe(Effect.zipRight(Effect.map(Fleet.total(members), ({ tokens }) => [...tokens].join())))

export const tell = ({ disturbances, name, outage, start }: Story): void => {
  // Each test goes on where the one before has left the fleet.
  describe.sequential(`a fleet over ${name}`, { shuffle: false }, () => {
    const scope = Effect.runSync(Scope.make())
    const run = <A>(effect: Effect.Effect<A, unknown, Scope.Scope>): Promise<A> =>
      Effect.runPromise(Scope.extend(effect, scope))

    let wasBusy: () => boolean
    let engine: Engine
    let sandbox: NodeSandbox.NodeSandbox
    let members: ReadonlyArray<Fleet.Member>
    let token = ""

    beforeAll(() =>
      run(Effect.gen(function*() {
        wasBusy = yield* Busyness.make
        sandbox = yield* newSandbox
        engine = yield* start
        members = yield* Fleet.start({ count, authUrl: sandbox.url, store: engine.store, worker: inject("worker") })
      }))
    )

    afterAll(() => run(Scope.close(scope, Exit.void)))

    /** What these processes have got so far is neither an error nor an expired token. */
    const expectServed = (served = members) =>
      Effect.map(
        Fleet.total(served),
        ({ expired, failed }) => expect({ expired, failed }).toStrictEqual({ expired: 0, failed: 0 })
      )

    /** Waits until all have the next token, and counts the requests until then. */
    const renewal = Effect.gen(function*() {
      const before = yield* requestsOf(sandbox)
      token = yield* oneToken(members, token)
      return (yield* requestsOf(sandbox)) - before
    })

    /**
     * The next renewal costs one request. On a busy machine a source gives an engine up that is slow (T2): then it says
     * so, requests by itself, and the renewal after it counts.
     */
    const expectOneRequest = Effect.gen(function*() {
      for (let n = 0; n < 6; n++) {
        const { skipped } = yield* Fleet.total(members)
        const requests = yield* renewal
        if (requests === 1) return
        expect(requests).toBeLessThanOrEqual(1 + (yield* Fleet.total(members)).skipped - skipped)
      }
      expect("no renewal with one request").toBe("one request")
    })

    it(`${count} processes that start at the same time make one token request (T1, row 102)`, () =>
      run(Effect.gen(function*() {
        const before = yield* requestsOf(sandbox)
        yield* Effect.all(members.map(({ go }) => go), { concurrency: "unbounded" })
        const [took, first] = yield* Effect.timed(oneToken(members, token))
        token = first
        const { skipped } = yield* Fleet.total(members)
        expect((yield* requestsOf(sandbox)) - before).toBeLessThanOrEqual(dueIn(took) + skipped)
        yield* expectServed()
      })))

    it("they make one request for each renewal (T1, row 102)", () =>
      run(Effect.zipRight(Effect.repeatN(expectOneRequest, 1), expectServed())))

    it("who reads the engine sees neither the token nor the secret, the client or the scopes (T4)", () =>
      run(Effect.gen(function*() {
        const before = token
        const seen = yield* engine.spy(renewal)
        expect(seen.length).toBeGreaterThan(1_000)
        const { clientId, clientSecret } = Sandbox.wellKnown
        for (const secret of [before, token, ...token.split("."), clientId, clientSecret, "user_info"]) {
          expect(linesShowing(secret, seen)).toStrictEqual([])
        }
      })))

    /** The process that requests the next token, while the server takes its time. */
    const holder = Effect.gen(function*() {
      yield* sandbox.script([Faults.delay("2 seconds")])
      yield* until(Effect.sync(() => members.some(({ isRequesting }) => isRequesting())), "20 seconds")
      const found = members.find(({ isRequesting }) => isRequesting())
      return found ?? (yield* Effect.dieMessage("nobody requests"))
    })

    /** What happens costs at most so many requests besides those that are due anyway, and no caller an error. */
    const expectCost = (costs: number, happening: Effect.Effect<unknown, unknown>) =>
      Effect.gen(function*() {
        const before = yield* requestsOf(sandbox)
        wasBusy()
        const [took] = yield* Effect.timed(Effect.zipRight(happening, renewal))
        const due = dueIn(took)
        const skipped = wasBusy() ? count * due : 0
        expect((yield* requestsOf(sandbox)) - before).toBeLessThanOrEqual(due + costs + skipped)
        yield* expectServed()
      })

    for (const [title, costs] of disturbances) {
      it(`${title}: that costs at most ${costs} more requests, and no caller fails (T2, row 100)`, () =>
        run(Effect.gen(function*() {
          yield* expectCost(costs, engine.disturbances[title] ?? Effect.dieMessage("it is not written"))
          yield* expectOneRequest // it is over
        })))
    }

    if (outage === undefined) return

    it("the process that requests is killed: another one requests, and no caller fails (T3, row 103)", () =>
      run(expectCost(
        1,
        Effect.gen(function*() {
          const killed = yield* holder
          yield* killed.signal("SIGKILL")
          members = members.filter((member) => member !== killed)
        })
      )))

    it("the process that requests stands still past its lease and goes on: its token replaces none (T3, row 103)", () =>
      run(expectCost(
        1,
        Effect.gen(function*() {
          const paused = yield* holder
          yield* paused.signal("SIGSTOP")
          yield* oneToken(members.filter((member) => member !== paused), token)
          yield* Effect.sleep("1 second")
          yield* paused.signal("SIGCONT")
        })
      )))

    it(
      "in an outage the fleet sends no more requests than one process alone, and is served soon after (T8, P12)",
      () =>
        run(Effect.gen(function*() {
          const other = yield* newSandbox
          const alone = yield* Fleet.start({ count: 1, authUrl: other.url, store: "none", worker: inject("worker") })
          yield* Effect.all(alone.map(({ go }) => go))
          yield* oneToken(alone, "")
          yield* Effect.sleep("1 second")
          const sandboxes = [sandbox, other]
          const before = yield* Effect.all(sandboxes.map(requestsOf))
          const { skipped } = yield* Fleet.total(members)
          const down = Array.from({ length: 1_000 }, () => Faults.reset)
          yield* Effect.all(sandboxes.map(({ script }) => script(down)))
          yield* Effect.sleep(outage)
          const after = yield* Effect.all(sandboxes.map(requestsOf))
          const [ofFleet = 0, ofOne = 0] = after.map((requests, n) => requests - (before[n] ?? 0))
          // The back-off of each is random: what one process makes varies by a third.
          const byThemselves = (yield* Fleet.total(members)).skipped - skipped
          expect(ofFleet).toBeLessThanOrEqual(Math.ceil(ofOne * 4 / 3) + 1 + byThemselves)
          yield* Effect.all(sandboxes.map(({ script }) => script([])))
          yield* Effect.timeoutFail(oneToken(members, token), {
            duration: recovery,
            onTimeout: () => new Error("not all were served in time")
          })
          expect((yield* Fleet.total(members)).expired).toBe(0)
        }))
    )
  })
}
