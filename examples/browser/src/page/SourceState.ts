/*
 * What the token source is doing now, as far as its public API tells: `peek` shows the token, a span lasts as long as a
 * refresh, an event says how it ended, and the error of a call says until when nothing is sent.
 */
import * as Telemetry from "@effect-tilia/core/Telemetry"
import type { TokenEvent } from "@effect-tilia/core/TokenEvent"
import type { Change } from "@effect-tilia/core/TokenStore"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Tracer from "effect/Tracer"
import type { Lifetime } from "./Lifetime.js"

/** What is known of the source. Times are in milliseconds of the wall clock. */
export interface Known {
  readonly isRefreshing: boolean
  /** The tag of the error, if the last refresh has failed. */
  readonly failure: string | undefined
  /** The end of the cool-down, if the error of a call has told it. */
  readonly coolDownUntil: number | undefined
}

/** What the page says of it. The level is shown as a colour, which is never the only sign. */
export interface SourceState {
  readonly level: "good" | "due" | "bad"
  readonly title: string
  readonly text: string
}

const timeOf = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" })

const withToken = ({ failure, isRefreshing }: Known, { isDue }: Lifetime): SourceState => {
  const level = isDue ? "due" : "good"
  const title = isDue ? "Due" : "Fresh"
  if (isRefreshing) {
    return { level, title: "Refreshing", text: "The page is getting the next token. Calls still get this one at once." }
  }
  if (failure !== undefined) {
    return { level: "due", title, text: `No newer token yet (${failure}). Calls still get this one at once.` }
  }
  return isDue
    ? { level, title, text: "Calls still get the token at once, until shortly before it expires." }
    : { level, title, text: "Calls get the token at once. At the mark, the page requests the next one if calls go on." }
}

const withoutToken = ({ coolDownUntil, failure, isRefreshing }: Known, now: number): SourceState => {
  if (isRefreshing) return { level: "due", title: "Getting a token", text: "Calls wait for it." }
  if (coolDownUntil !== undefined && now < coolDownUntil) {
    return {
      level: "bad",
      title: `Cooling down until ${timeOf.format(coolDownUntil)}`,
      text: "The last request failed. Until then, calls get that error at once, and nothing is sent."
    }
  }
  if (failure === undefined || coolDownUntil !== undefined) {
    return { level: "bad", title: "No token", text: "The next call requests one." }
  }
  return {
    level: "bad",
    title: "No token",
    text: "The last request failed. The next call requests a token, or gets that error if it is too soon."
  }
}

export const of = (known: Known, lifetime: Lifetime | undefined, now: number): SourceState =>
  lifetime === undefined ? withoutToken(known, now) : withToken(known, lifetime)

/**
 * Gathers what is known of one source. The source must be made with this `tracer`, by which one sees its refreshes
 * begin and end.
 */
export const gather = Effect.map(Effect.tracer, (tracer) => {
  let refresh: Tracer.Span | undefined
  let failure: string | undefined
  let coolDownUntil: number | undefined
  return {
    tracer: Tracer.make({
      context: tracer.context,
      span: (name, ...rest) => {
        const span = tracer.span(name, ...rest)
        if (name === Telemetry.refreshSpan) {
          refresh = span
          coolDownUntil = undefined // a new refresh shows that the cool-down is over
        }
        return span
      }
    }),
    known: (): Known => ({ isRefreshing: refresh?.status._tag === "Started", failure, coolDownUntil }),
    onEvent: (event: TokenEvent) => {
      if (event._tag === "RefreshFailed") failure = event.error._tag
      if (event._tag === "Refreshed") failure = undefined
    },
    /** A cool-down also ends when the user logs out, and when the tab is back from where nothing could succeed. */
    onChange: (change: Change) => {
      if (change === "Settled") return
      failure = undefined
      coolDownUntil = undefined
    },
    onCall: (coolDown: Duration.Duration | undefined, now: number) => {
      if (coolDown !== undefined) coolDownUntil = now + Duration.toMillis(coolDown)
    }
  }
})
