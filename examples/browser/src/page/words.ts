/*
 * The texts of the page for what happens.
 */
import type * as TokenError from "@effect-tilia/core/TokenError"
import * as TokenEvent from "@effect-tilia/core/TokenEvent"
import type * as Status from "../Status.js"

/** A line among the events. Its level is shown as a colour, which is never the only sign. */
export interface Line {
  readonly level: "good" | "due" | "bad"
  readonly text: string
}

export const nameOf = { alice: "Alice", bob: "Bob" } as const satisfies Record<Status.User, string>

/** What an error means in this demo, at the page's own server or at the authorization server behind it. */
const explanations: Partial<Record<TokenError.TokenError["_tag"], string>> = {
  InvalidClientError: "no user is logged in",
  ServiceUnavailableError: "the token endpoint is down"
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
        ? { level: "due", text: "The same token again: the server has no newer one" }
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
}

export const ofResponse = (status: number, body: string): Outcome => ({
  isGood: status === 200,
  title: status === 200 ? "200, accepted" : `${status}, rejected`,
  body
})

export const ofError = ({ _tag, message }: { readonly _tag: string; readonly message: string }): Outcome => ({
  isGood: false,
  title: _tag,
  body: message
})

export const ofOutcome = ({ isGood, title }: Outcome): Line => ({
  level: isGood ? "good" : "bad",
  text: `Call of the API: ${title}`
})

export const unreachable: Line = { level: "bad", text: "The demo’s server does not respond" }
