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

/** Whether a toggle button is pressed, from now on. */
export const toggle = (id: string): Stream.Stream<boolean> =>
  Stream.fromEventListener(byId(id), "click").pipe(
    Stream.scan(false, (isPressed) => !isPressed),
    Stream.tap((isPressed) => Effect.sync(() => press(id, isPressed)))
  )

export const status = ({ isDown, mediated, tokenRequests, user }: Status.Status) =>
  Effect.sync(() => {
    show("user", user === null ? "no user" : Words.nameOf[user])
    show("mediated", String(mediated))
    show("requests", String(tokenRequests))
    press("outage", isDown)
  })

const noToken: Lifetime.Lifetime = { name: "none", total: 1000, left: 0, fraction: 0, isDue: false }

/** Makes a function that draws the bar. */
export const lifetime = () => {
  const lifetimeOf = Lifetime.follow()
  return (token: Option.Option<AccessToken>) =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      const bar = byId("lifetime")
      const lifetime = Option.match(token, { onNone: () => noToken, onSome: (token) => lifetimeOf(token, now) })
      const text = lifetime === noToken
        ? "none: the next call requests one"
        : `${seconds(lifetime.left)} left of ${seconds(lifetime.total)}`
      show("left", text)
      show("name", lifetime.name)
      show("scopes", Option.match(token, { onNone: () => "–", onSome: ({ scopes }) => scopes.join(", ") }))
      bar.classList.toggle("due", lifetime.isDue)
      bar.style.setProperty("--left", String(lifetime.fraction))
      bar.style.setProperty("--due-at", String(1 - Lifetime.refreshAt))
      bar.setAttribute("aria-valuemax", String(Math.round(lifetime.total / 1000)))
      bar.setAttribute("aria-valuenow", String(Math.round(lifetime.left / 1000)))
      bar.setAttribute("aria-valuetext", text)
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
