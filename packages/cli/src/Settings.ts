/*
 * The settings of every command that needs a token.
 */
import * as Environment from "@effect-tilia/core/Environment"
import * as Scopes from "@effect-tilia/core/Scopes"
import * as NodeClientCredentials from "@effect-tilia/node/NodeClientCredentials"
import * as Config from "effect/Config"
import type * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/** All settings together, so that the error names everything that is missing or wrong. */
export const config = (scopes: Option.Option<Scopes.Scopes>) =>
  Config.all({
    credentials: NodeClientCredentials.config,
    environment: Environment.config,
    scopes: Option.match(scopes, { onNone: () => Scopes.config, onSome: Config.succeed })
  })

export type Settings = Effect.Effect.Success<ReturnType<typeof config>>
