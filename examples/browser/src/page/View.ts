/*
 * The page: what it shows, and its buttons. Nothing here knows of tokens but what a reader sees of them.
 */
import type { AccessToken } from "@effect-tilia/core/AccessToken"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type * as Status from "../Status.js"
import * as Life from "./Life.js"
import * as Words from "./words.js"

const byId = (id: string): HTMLElement => {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`The page has no #${id}.`)
  return found
}

const show = (id: string, text: string) => {
  const element = byId(id)
  if (element.textContent !== text) element.textContent = text // whoever reads aloud reads what changes
}

const press = (id: string, isPressed: boolean) => byId(id).setAttribute("aria-pressed", String(isPressed))

const timeOf = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" })

const seconds = (millis: number): string => `${(millis / 1000).toFixed(1)} s`

/** What a button does. All clicks that come while it does it count as one more. */
export const onClick = <E, R>(id: string, work: Effect.Effect<unknown, E, R>): Effect.Effect<void, E, R> => {
  const button = byId(id)
  const busy = (isBusy: boolean) => Effect.sync(() => button.setAttribute("aria-busy", String(isBusy)))
  return Stream.fromEventListener(button, "click", { bufferSize: 1 }).pipe(
    Stream.runForEach(() => Effect.ensuring(Effect.zipRight(busy(true), work), busy(false)))
  )
}

/** How a button that stays pressed stands, from now on. */
export const toggle = (id: string): Stream.Stream<boolean> =>
  Stream.fromEventListener(byId(id), "click").pipe(
    Stream.scan(false, (isPressed) => !isPressed),
    Stream.tap((isPressed) => Effect.sync(() => press(id, isPressed)))
  )

export const status = ({ isDown, mediated, tokenRequests, user }: Status.Status) =>
  Effect.sync(() => {
    show("user", user === null ? "nobody" : Words.nameOf[user])
    show("mediated", String(mediated))
    show("requests", String(tokenRequests))
    press("outage", isDown)
  })

const noLife: Life.Life = { name: "none", lifetime: 1000, left: 0, fraction: 0, isDue: false }

/** How the bar is drawn, time and again. */
export const life = () => {
  const lifeOf = Life.follow()
  return (token: Option.Option<AccessToken>) =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      const bar = byId("life")
      const life = Option.match(token, { onNone: () => noLife, onSome: (token) => lifeOf(token, now) })
      const text = life === noLife
        ? "none: the next call asks for one"
        : `${seconds(life.left)} left of ${seconds(life.lifetime)}`
      show("left", text)
      show("name", life.name)
      show("scopes", Option.match(token, { onNone: () => "–", onSome: ({ scopes }) => scopes.join(", ") }))
      bar.classList.toggle("due", life.isDue)
      bar.style.setProperty("--left", String(life.fraction))
      bar.style.setProperty("--due-at", String(1 - Life.refreshAt))
      bar.setAttribute("aria-valuemax", String(Math.round(life.lifetime / 1000)))
      bar.setAttribute("aria-valuenow", String(Math.round(life.left / 1000)))
      bar.setAttribute("aria-valuetext", text)
    })
}

/** The newest first, and the last hundred. */
export const line = ({ mood, text }: Words.Line) =>
  Effect.map(Clock.currentTimeMillis, (now) => {
    const events = byId("events")
    const entry = document.createElement("li")
    const time = document.createElement("time")
    const what = document.createElement("span")
    entry.className = mood
    time.textContent = timeOf.format(now)
    what.textContent = text
    entry.append(time, what)
    events.prepend(entry)
    while (events.childElementCount > 100) events.lastElementChild?.remove()
  })

export const outcome = ({ body, isGood, title }: Words.Outcome) =>
  Effect.sync(() => {
    show("outcome", title)
    byId("outcome").classList.toggle("bad", !isGood)
    show("answer", body)
  })

/** What the page has left where a later page could read it: it looks. */
export const places = Effect.promise(async () => {
  const count = (id: string, number: number) => show(id, number === 0 ? "empty" : `${number} entries`)
  count("local", localStorage.length)
  count("session", sessionStorage.length)
  count("cookies", document.cookie === "" ? 0 : document.cookie.split(";").length)
  count("databases", (await indexedDB.databases()).length)
  count("caches", (await caches.keys()).length)
})
