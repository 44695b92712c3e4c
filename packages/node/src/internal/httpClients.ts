/*
 * The two HTTP clients of the Node adapter, over one dispatcher: one for token requests, and one for API calls. Where
 * the runtime has only a stub of undici, as Bun does, its fetch serves both.
 */
import { InvalidInputError } from "@effect-tilia/core/TokenError"
import * as Undici from "@effect/platform-node/Undici"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { HttpClient } from "@effect/platform/HttpClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as ApiClient from "./apiClient.js"
import * as Dispatcher from "./dispatcher.js"
import { PreparedDispatcher } from "./preparedDispatcher.js"
import * as TokenClient from "./tokenClient.js"

export interface HttpClients {
  /** For any request. */
  readonly api: HttpClient
  /** For the requests of a `TokenEndpoint` only. */
  readonly token: HttpClient
}

/** A stub has the classes of undici, but they can send nothing. */
const isStub = (): boolean => !("dispatch" in Undici.Agent.prototype)

/** fetch can't be given the options. To ignore one could send a secret around a proxy. */
const overFetch = (options: Dispatcher.Options): Effect.Effect<HttpClients, InvalidInputError, Scope.Scope> => {
  const given = (["dispatcher", "proxy", "ca"] as const).find((name) => options[name] !== undefined)
  return given === undefined
    ? Effect.map(Layer.build(FetchHttpClient.layer), (context) => {
      const client = Context.get(context, HttpClient)
      return { api: client, token: client }
    })
    : new InvalidInputError({ setting: given, expected: "absent where the runtime has no undici, but fetch alone" })
}

const overUndici = (options: Dispatcher.Options): Effect.Effect<HttpClients, InvalidInputError, Scope.Scope> =>
  Effect.map(Dispatcher.acquire(options), (dispatcher) => {
    const prepared = new PreparedDispatcher(dispatcher)
    return { api: ApiClient.make(prepared), token: TokenClient.make(prepared) }
  })

export const make = (options: Dispatcher.Options): Effect.Effect<HttpClients, InvalidInputError, Scope.Scope> =>
  Effect.suspend(() => isStub() ? overFetch(options) : overUndici(options))
