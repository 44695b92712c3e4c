/*
 * What a token source logs, traces, counts and announces contains neither the secret nor a token (E8, S13, S14).
 */
import { Tilia, TokenError, TokenSource } from "@effect-tilia/core"
import { Faults, Sandbox } from "@effect-tilia/sandbox"
import { leakProbe, SandboxHttpClient, TestTokenEndpoint } from "@effect-tilia/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"

const bearer = "swordfish-swordfish-swordfish"

describe("TokenSource", () => {
  it.effect("a token source shows no token in what it logs, traces and announces (E8)", () =>
    Effect.gen(function*() {
      const down = new TokenError.ServiceUnavailableError({ status: 503, attempts: 1 })
      const { fail, layer, succeed } = TestTokenEndpoint
      const program = Effect.gen(function*() {
        const source = yield* TokenSource.TokenSource
        const events = yield* Effect.fork(Stream.runCollect(Stream.take(source.changes, 4)))
        yield* Effect.yieldNow()
        yield* source.get // Refreshed
        yield* Effect.either(source.refresh) // RefreshFailed
        yield* TestClock.adjust("1 second")
        yield* source.refresh // Refreshed
        yield* TestClock.adjust("1 minute")
        yield* source.invalidate(yield* source.get) // Invalidated
        yield* Effect.log("the source", source, source.peek())
        return Chunk.toReadonlyArray(yield* Fiber.join(events))
      }).pipe(
        Effect.provide(TokenSource.layer({ scopes: ["user_info"] })),
        Effect.provide(layer(succeed({ text: bearer }), fail(down), succeed({ text: bearer }))),
        Effect.withSpan("caller")
      )
      const { exit, leaks } = yield* leakProbe(program, [bearer])
      expect(leaks).toStrictEqual([])
      expect(exit).toMatchObject({
        value: [{ _tag: "Refreshed" }, { _tag: "RefreshFailed" }, { _tag: "Refreshed" }, { _tag: "Invalidated" }]
      })
    }))

  it.effect("a token source shows no client secret, even if the server repeats it in an error (E8)", () =>
    Effect.gen(function*() {
      const { clientSecret } = Sandbox.wellKnown
      const program = Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        const source = yield* TokenSource.TokenSource
        yield* source.get
        yield* sandbox.script([Faults.status(401, { body: `{"error":"invalid_client","message":"${clientSecret}"}` })])
        return yield* Effect.flip(source.refresh)
      }).pipe(
        Effect.provide(Tilia.layer({
          environment: { authUrl: SandboxHttpClient.url },
          ...Sandbox.wellKnown,
          scopes: ["user_info"]
        })),
        Effect.provide(Layer.fresh(SandboxHttpClient.layer())),
        Effect.withSpan("caller")
      )
      const { exit, leaks } = yield* leakProbe(program, [clientSecret])
      expect(leaks).toStrictEqual([])
      expect(exit).toMatchObject({ value: { _tag: "InvalidClientError" } })
    }))
})
