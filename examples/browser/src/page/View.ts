/*
 * What the page shows, and its buttons.
 */
import type { AccessToken } from "@effect-tilia/core/AccessToken"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type * as Status from "../Status.js"
import * as Lifetime from "./Lifetime.js"
import * as SourceState from "./SourceState.js"
import * as Words from "./words.js"

const byId = (id: string): HTMLElement => {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`The page has no #${id}.`)
  return found
}

const show = (id: string, text: string) => {
  const element = byId(id)
  if (element.textContent !== text) element.textContent = text // a screen reader reads every change aloud
}

const press = (id: string, isPressed: boolean) => byId(id).setAttribute("aria-pressed", String(isPressed))

const timeOf = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" })

const seconds = (millis: number): string => `${(millis / 1000).toFixed(1)} s`

/** Runs `work` when a button is clicked. All clicks while it runs count as one more click. */
export const onClick = <E, R>(id: string, work: Effect.Effect<unknown, E, R>): Effect.Effect<void, E, R> => {
  const button = byId(id)
  const busy = (isBusy: boolean) => Effect.sync(() => button.setAttribute("aria-busy", String(isBusy)))
  return Stream.fromEventListener(button, "click", { bufferSize: 1 }).pipe(
    Stream.runForEach(() => Effect.ensuring(Effect.zipRight(busy(true), work), busy(false)))
  )
}

export const pressed = (id: string, isPressed: boolean) => Effect.sync(() => press(id, isPressed))

export const status = ({ isDown, mediated, tokenRequests, user }: Status.Status) =>
  Effect.sync(() => {
    show("user", user === null ? "no user" : Words.nameOf[user])
    show("mediated", String(mediated))
    show("requests", String(tokenRequests))
    press("outage", isDown)
  })

const noToken: Lifetime.Lifetime = { name: "none", total: 1000, left: 0, fraction: 0, isDue: false }

/** Makes a function that draws what the source is doing, and how much of its token's lifetime is left. */
export const source = () => {
  const lifetimeOf = Lifetime.follow()
  return (token: Option.Option<AccessToken>, known: SourceState.Known) =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      const bar = byId("lifetime")
      const current = Option.getOrUndefined(Option.map(token, (token) => lifetimeOf(token, now)))
      const { fraction, isDue, left, name, total } = current ?? noToken
      const state = SourceState.of(known, current, now)
      const text = current === undefined ? "" : `${seconds(left)} left of ${seconds(total)}`
      show("state", state.title)
      show("state-text", state.text)
      byId("state").className = state.level
      show("left", text)
      show("name", name)
      show("scopes", Option.match(token, { onNone: () => "–", onSome: ({ scopes }) => scopes.join(", ") }))
      bar.classList.toggle("due", isDue)
      bar.style.setProperty("--left", String(fraction))
      bar.style.setProperty("--due-at", String(1 - Lifetime.refreshAt))
      bar.setAttribute("aria-valuemax", String(Math.round(total / 1000)))
      bar.setAttribute("aria-valuenow", String(Math.round(left / 1000)))
      bar.setAttribute("aria-valuetext", text || "no token")
    })
}

/** Makes a function that counts the calls of this tab, and those that failed. */
export const tally = () => {
  let calls = 0
  let failed = 0
  return ({ isGood }: Words.Outcome) =>
    Effect.sync(() => {
      calls += 1
      if (!isGood) failed += 1
      show("calls", String(calls))
      show("failed", String(failed))
      byId("failed").classList.toggle("bad", failed > 0)
    })
}

/** Adds a line to the events, on top, and keeps the last hundred lines. */
export const line = ({ level, text }: Words.Line) =>
  Effect.map(Clock.currentTimeMillis, (now) => {
    const events = byId("events")
    const entry = document.createElement("li")
    const time = document.createElement("time")
    const description = document.createElement("span")
    entry.className = level
    time.textContent = timeOf.format(now)
    description.textContent = text
    entry.append(time, description)
    events.prepend(entry)
    while (events.childElementCount > 100) events.lastElementChild?.remove()
  })

/** Adds a line for what the visitor does. */
export const did = (what: string) => line(Words.you(what))

export const outcome = ({ body, isGood, title }: Words.Outcome) =>
  Effect.sync(() => {
    show("outcome", title)
    byId("outcome").classList.toggle("bad", !isGood)
    show("response", body)
  })

/** Shows how much the page has left in places that a later page could read. */
export const places = Effect.promise(async () => {
  const count = (id: string, number: number) => show(id, number === 0 ? "empty" : `${number} entries`)
  count("local", localStorage.length)
  count("session", sessionStorage.length)
  count("cookies", document.cookie === "" ? 0 : document.cookie.split(";").length)
  count("databases", (await indexedDB.databases()).length)
  count("caches", (await caches.keys()).length)
})
