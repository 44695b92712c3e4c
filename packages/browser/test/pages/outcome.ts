/*
 * What comes of asking a mediator, in a page or in a worker: the token's text, or what a caller learns of the error.
 */
import * as BrowserTilia from "@effect-tilia/browser/BrowserTilia"
import * as TokenSource from "@effect-tilia/core/TokenSource"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"

const told = (error: object) => JSON.parse(JSON.stringify({ ...error, message: String(error) }))

export const outcomeOf = (mediatorUrl: string, principal?: string): Promise<Record<string, unknown>> =>
  Effect.flatMap(TokenSource.TokenSource, ({ get }) => get).pipe(
    Effect.map(({ value }) => ({ token: Redacted.value(value) })),
    Effect.provide(BrowserTilia.layer({
      mediatorUrl,
      principal,
      environment: { authUrl: "https://auth.example" },
      scopes: ["user_info"]
    })),
    Effect.catchAll((error) => Effect.succeed(told(error))),
    Effect.runPromise
  )
