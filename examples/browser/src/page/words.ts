/*
 * What the page says of what happens. Pure.
 */
import type * as TokenError from "@effect-tilia/core/TokenError"
import * as TokenEvent from "@effect-tilia/core/TokenEvent"
import type * as Status from "../Status.js"

/** A line among the events: how it is, beside what it says, is a colour and never the only sign. */
export interface Line {
  readonly mood: "good" | "due" | "bad"
  readonly text: string
}

export const nameOf = { alice: "Alice", bob: "Bob" } as const satisfies Record<Status.User, string>

/** What is at the page's own server, and what is at the one behind it. */
const told: Partial<Record<TokenError.TokenError["_tag"], string>> = {
  InvalidClientError: "nobody is logged in, says the server",
  ServiceUnavailableError: "the token endpoint is down"
}

const reasonOf = ({ _tag }: Pick<TokenError.TokenError, "_tag">): string =>
  told[_tag] === undefined ? _tag : `${_tag}: ${told[_tag]}`

/** Whether there is a token after the event, and whether it is the one that there was before. */
export interface Now {
  readonly isThere: boolean
  readonly isSame: boolean
}

export const ofEvent = ({ isSame, isThere }: Now) =>
  TokenEvent.$match({
    Refreshed: ({ scopes }): Line =>
      isSame
        ? { mood: "due", text: "The same token again: the server has no newer one" }
        : { mood: "good", text: `A new token, for ${scopes.join(", ")}` },
    RefreshFailed: ({ error }): Line => ({
      mood: isThere ? "due" : "bad",
      text: `No new token (${reasonOf(error)}); ${isThere ? "the old one still serves" : "there is none now"}`
    }),
    Invalidated: (): Line => ({ mood: "due", text: "The API refused the token; it is dropped" }),
    ScopeNarrowed: ({ missing }): Line => ({ mood: "due", text: `The token lacks ${missing.join(", ")}` }),
    StoreSkipped: ({ reason }): Line => ({ mood: "due", text: `Without the other tabs (${reason})` })
  })

/** What came of a call: the status of an answer, or the error for which there was none. */
export interface Outcome {
  readonly isGood: boolean
  readonly title: string
  readonly body: string
}

export const answered = (status: number, body: string): Outcome => ({
  isGood: status === 200,
  title: status === 200 ? "200, answered" : `${status}, refused`,
  body
})

export const failed = ({ _tag, message }: { readonly _tag: string; readonly message: string }): Outcome => ({
  isGood: false,
  title: _tag,
  body: message
})

export const ofOutcome = ({ isGood, title }: Outcome): Line => ({
  mood: isGood ? "good" : "bad",
  text: `Call of the API: ${title}`
})

export const unreachable: Line = { mood: "bad", text: "The demo’s server doesn’t answer" }
