import { TokenEndpoint, TokenSource } from "@effect-tilia/core"
import { TestAccessToken, TestTokenEndpoint } from "@effect-tilia/testing"
import * as Effect from "effect/Effect"
import { atOnce } from "./onTestClock.js"

/** A token endpoint that plays a script, and what makes sources for the scope `user_info` over it. */
export const scripted = (...script: TestTokenEndpoint.Script) =>
  Effect.map(TestTokenEndpoint.make(...script), (endpoint) => ({
    ...endpoint,
    endpoint,
    source: (options: Partial<TokenSource.Options> = {}) =>
      Effect.provideService(
        TokenSource.make({ scopes: ["user_info"], ...options }),
        TokenEndpoint.TokenEndpoint,
        endpoint
      )
  }))

export type Scripted = Effect.Effect.Success<ReturnType<typeof scripted>>

/** The text of the token that there is, which nobody has to wait for. */
export const textAtOnce = ({ get }: TokenSource.TokenSource) => Effect.map(atOnce(get), TestAccessToken.text)
