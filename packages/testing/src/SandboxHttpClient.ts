/**
 * The sandbox as an in-memory `HttpClient`: its real schemas, codecs and fault scripts, without a socket, on the
 * fiber's clock.
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
 * The base URL that the client answers for, good for `environment`. Nothing is ever sent there.
 *
 * @since 0.1.0
 * @category constants
 */
export const url = "https://sandbox.invalid"

/** A connection that breaks: a defect with the code that Node's clients give it. */
const reset = Effect.suspend(() =>
  Effect.die(Object.assign(new Error("the connection was reset"), { code: "ECONNRESET" }))
)

const make = Effect.map(
  Sandbox.Sandbox,
  ({ httpApp }) => InMemoryHttpClient.make(Effect.provideService(httpApp, Connection.Connection, { reset }))
)

/**
 * The client, and the `Sandbox` behind it to script and to ask. Fails with `InvalidInputError` where an option is out
 * of range.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options?: Sandbox.Options
): Layer.Layer<HttpClient.HttpClient | Sandbox.Sandbox, InvalidInputError> =>
  Layer.effect(HttpClient.HttpClient, make).pipe(Layer.provideMerge(Sandbox.layer(options)))
