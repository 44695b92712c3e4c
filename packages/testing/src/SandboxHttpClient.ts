/**
 * An `HttpClient` that calls a sandbox in the same process. The sandbox's real schemas, codecs and fault scripts run,
 * without a socket, on the fiber's clock.
 *
 * @example
 * import { Tilia, TokenSource } from "@effect-tilia/core"
 * import { Faults, Sandbox } from "@effect-tilia/sandbox"
 * import { SandboxHttpClient } from "@effect-tilia/testing"
 * import { expect, it } from "@effect/vitest"
 * import { Effect, Layer } from "effect"
 *
 * const layer = Tilia.layer({
 *   environment: { authUrl: SandboxHttpClient.url },
 *   ...Sandbox.wellKnown,
 *   scopes: ["user_info"]
 * }).pipe(Layer.provideMerge(SandboxHttpClient.layer()))
 *
 * it.effect("a malformed token is an UnexpectedResponseError", () =>
 *   Effect.gen(function*() {
 *     const { script } = yield* Sandbox.Sandbox
 *     yield* script([Faults.body("{}")])
 *     const source = yield* TokenSource.TokenSource
 *     expect(yield* Effect.flip(source.get)).toMatchObject({ _tag: "UnexpectedResponseError" })
 *   }).pipe(Effect.provide(layer)))
 *
 * @since 0.1.0
 */
import type { InvalidInputError } from "@effect-tilia/core/TokenError"
import * as Connection from "@effect-tilia/sandbox/Connection"
import * as Sandbox from "@effect-tilia/sandbox/Sandbox"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as InMemoryHttpClient from "./InMemoryHttpClient.js"

/**
 * A base URL for the `environment`. Nothing is ever sent there: the client calls the sandbox for any host.
 *
 * @since 0.1.0
 * @category constants
 */
export const url = "https://sandbox.invalid"

/** A defect with the code that HTTP clients of Node give a connection that was reset. */
const reset = Effect.suspend(() =>
  Effect.die(Object.assign(new Error("the connection was reset"), { code: "ECONNRESET" }))
)

const make = Effect.flatMap(
  Sandbox.Sandbox,
  ({ httpApp }) => InMemoryHttpClient.make(Effect.provideService(httpApp, Connection.Connection, { reset }))
)

/**
 * The client, and the `Sandbox` that it calls. An option that is out of range is an `InvalidInputError`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options?: Sandbox.Options
): Layer.Layer<HttpClient.HttpClient | Sandbox.Sandbox, InvalidInputError> =>
  Layer.effect(HttpClient.HttpClient, make).pipe(Layer.provideMerge(Sandbox.layer(options)))
