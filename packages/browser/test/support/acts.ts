/*
 * What a page and the servers behind it say to each other.
 */

/** What a server does once a request has come: it sends these bytes, one a character, and then. */
export interface Act {
  readonly bytes: string
  readonly then: "end" | "wait" | "drip" | "flood"
}

/** The requests that came, whole; how many connections were made, and over how many open ones anything came. */
export interface Told {
  readonly port: number
  readonly requests: ReadonlyArray<string>
  readonly made: number
  readonly used: number
}
