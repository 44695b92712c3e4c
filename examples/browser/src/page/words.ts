/*
 * The texts of the page for what happens.
 */
import type * as TokenError from "@effect-tilia/core/TokenError"
import * as TokenEvent from "@effect-tilia/core/TokenEvent"
import type * as Duration from "effect/Duration"
import type * as Status from "../Status.js"

/** A line among the events: what the visitor did, or what came of it. A colour is never the only sign of its level. */
export interface Line {
  readonly level: "you" | "good" | "due" | "bad"
  readonly text: string
}

export const nameOf = { alice: "Alice", bob: "Bob" } as const satisfies Record<Status.User, string>

/** What the visitor does, as told when a button is pressed: whether it succeeds shows later. */
export const you = (does: string): Line => ({ level: "you", text: `You: ${does}` })

/** What an error means in this demo, where the page can know that. */
const explanations: Partial<Record<TokenError.TokenError["_tag"], string>> = {
  InvalidClientError: "no user is logged in"
}

const explain = ({ _tag }: Pick<TokenError.TokenError, "_tag">): string => {
  const explanation = explanations[_tag]
  return explanation === undefined ? _tag : `${_tag}: ${explanation}`
}

/** The page's token after an event. */
export interface AfterEvent {
  /** Whether there is a token. */
  readonly hasToken: boolean
  /** Whether it is the same token as before the event. */
  readonly isSame: boolean
}

export const ofEvent = ({ hasToken, isSame }: AfterEvent) =>
  TokenEvent.$match({
    Refreshed: ({ scopes }): Line =>
      isSame
        ? { level: "due", text: "The same token again, and no newer one" }
        : { level: "good", text: `A new token, for ${scopes.join(", ")}` },
    RefreshFailed: ({ error }): Line => ({
      level: hasToken ? "due" : "bad",
      text: `No new token (${explain(error)}); ${hasToken ? "the old one is still valid" : "there is no token now"}`
    }),
    RefreshDied: (): Line => ({ level: "bad", text: "The request died, which is a bug of this page" }),
    Invalidated: (): Line => ({ level: "due", text: "The API rejected the token, so the page dropped it" }),
    ScopeNarrowed: ({ missing }): Line => ({ level: "due", text: `The token lacks ${missing.join(", ")}` }),
    StoreSkipped: ({ reason }): Line => ({ level: "due", text: `The other tabs were skipped (${reason})` })
  })

/** How a call of the API ended: with a response, or with an error. */
export interface Outcome {
  readonly isGood: boolean
  readonly title: string
  readonly body: string
  /** For how long no token request is sent, if the error says so. */
  readonly coolDown?: Duration.Duration | undefined
}

export const ofResponse = (status: number, body: string): Outcome => ({
  isGood: status === 200,
  title: status === 200 ? "200, accepted" : `${status}, not accepted`,
  body
})

export const ofError = ({ _tag, coolDown, message }: {
  readonly _tag: string
  readonly message: string
  readonly coolDown?: Duration.Duration | undefined
}): Outcome => ({ isGood: false, title: _tag, body: message, coolDown })

export const ofOutcome = ({ isGood, title }: Outcome): Line => ({
  level: isGood ? "good" : "bad",
  text: `Call of the API: ${title}`
})

export const unreachable: Line = { level: "bad", text: "The demo’s server does not respond" }

export const reachable: Line = { level: "good", text: "The demo’s server responds again" }
