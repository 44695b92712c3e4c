/*
 * The picture of the token source's states for docs/explanations/refresh.md. It is made of a list of situations: each
 * says what happens in a state, and the state machine says what becomes of it. Only the places of the shapes are drawn
 * by hand. A situation that leads to a state without a place is an error.
 */
import * as Exit from "effect/Exit"
import * as State from "../../../src/internal/tokenSource/state.js"
import { granted, unavailable } from "../grants.js"
import { at, policy } from "./policy.js"
import { box, line, text, toFile } from "./svg.js"

const second = 1000
const minute = 60 * second
const lifetime = 60 * minute

/** A state of the source, at a time. */
interface Moment {
  readonly state: State.State
  readonly now: number
}

type Name = "No token" | "Requesting" | "Cooling down" | "Fresh" | "Renewing" | "Backing off" | "Closed"

/** What a reader calls a state. */
const nameOf = ({ now, state }: Moment): Name => {
  const { coolDown, current, flight, isClosed } = state
  if (isClosed) return "Closed"
  if (current !== undefined && State.isValid(current, at(now))) {
    if (flight !== undefined) return "Renewing"
    return current.failures > 0 ? "Backing off" : "Fresh"
  }
  if (flight !== undefined) return "Requesting"
  return coolDown !== undefined && now < coolDown.until ? "Cooling down" : "No token"
}

const get: State.Event = { _tag: "Get" }
const look: State.Event = { _tag: "Look", isIdle: false }
const refresh: State.Event = { _tag: "Refresh" }
const close: State.Event = { _tag: "Close" }
const fails: State.Event = { _tag: "Land", exit: Exit.fail(unavailable()), draw: 0.5 }
const arrives = (issuedAt: number): State.Event => ({
  _tag: "Land",
  exit: Exit.succeed({
    token: granted(`token-${issuedAt}`, issuedAt, lifetime),
    generation: undefined,
    isRequested: true,
    failure: undefined
  }),
  draw: 0.5
})
const rejected = ({ state }: Moment): State.Event => {
  if (state.current === undefined) throw new Error("there is no token that an API could reject")
  return { _tag: "Invalidate", token: state.current.token }
}

/** What happens after so many milliseconds. */
const after = ({ now, state }: Moment, event: State.Event, later = 0): Moment => {
  const time = now + later
  return { state: State.transition(policy, state, event, at(time))[0], now: time }
}

const untilDue = 0.8 * lifetime
const untilExpired = lifetime - 10 * second

const none: Moment = { state: State.initial(policy), now: 0 }
const requesting = after(none, get)
const coolingDown = after(requesting, fails)
const fresh = after(requesting, arrives(0))
const renewing = after(fresh, look, untilDue)
const backingOff = after(renewing, fails)
const expiredInFlight = after(renewing, look, untilExpired - untilDue)

/** One of each state, from which the situations start. */
export const moments: ReadonlyArray<Moment> = [
  none,
  requesting,
  coolingDown,
  fresh,
  renewing,
  backingOff,
  after(fresh, close)
]

interface Situation {
  readonly from: Moment
  readonly what: string
  readonly to: Moment
}

const situation = (from: Moment, what: string, event: State.Event, later = 0): Situation => ({
  from,
  what,
  to: after(from, event, later)
})

/** What can happen to a source, in the words of the picture. */
const situations: ReadonlyArray<Situation> = [
  situation(none, "the first get", get),
  situation(none, "refresh", refresh),
  situation(requesting, "a token arrives", arrives(0)),
  situation(requesting, "the request fails", fails),
  situation(coolingDown, "a get after its end", get, 2 * second),
  situation(coolingDown, "refresh", refresh),
  situation(fresh, "due, after 80 %", look, untilDue),
  situation(fresh, "refresh", refresh, second),
  situation(fresh, "the API rejects it", rejected(fresh), second),
  situation(fresh, "it expires, unused", { _tag: "Look", isIdle: true }, untilExpired),
  situation(renewing, "a token arrives", arrives(untilDue)),
  situation(renewing, "the request fails", fails),
  situation(renewing, "the token expires", look, untilExpired - untilDue),
  situation(renewing, "the API rejects it", rejected(renewing)),
  situation(backingOff, "the pause is over", look, second),
  situation(backingOff, "refresh", refresh),
  situation(backingOff, "the token expires", look, untilExpired - untilDue),
  situation(backingOff, "the API rejects it", rejected(backingOff)),
  situation(expiredInFlight, "a late renewal fails", fails)
]

/** The arrows: from which state to which, and what leads there. */
export const transitions = (): ReadonlyMap<string, ReadonlyArray<string>> => {
  const arrows = new Map<string, Array<string>>()
  for (const { from, to, what } of situations) {
    const arrow = `${nameOf(from)} → ${nameOf(to)}`
    const labels = arrows.get(arrow) ?? []
    if (!labels.includes(what)) labels.push(what)
    arrows.set(arrow, labels)
  }
  return arrows
}

/** What a caller of `get` gets in a state, and how that is coloured. */
const callersOf = (moment: Moment): readonly [words: string, kind: string] => {
  const [next, reply] = State.transition(policy, moment.state, get, at(moment.now))
  if (next.isClosed) return ["is interrupted", "plain"]
  if (reply._tag === "Success") return ["gets the token", "good"]
  if (reply._tag === "Failure") return ["gets the last error", "bad"]
  return moment.state.flight === undefined ? ["starts a request, and waits", "late"] : ["waits for the request", "late"]
}

const size = { width: 190, height: 56 }

const places: Record<Name, readonly [x: number, y: number]> = {
  "No token": [40, 56],
  "Requesting": [355, 56],
  "Cooling down": [670, 56],
  "Fresh": [40, 260],
  "Renewing": [355, 260],
  "Backing off": [670, 260],
  "Closed": [670, 420]
}

type Point = readonly [x: number, y: number]

/** Where an arrow runs, and where its words stand: their first line, and how they are aligned. */
interface Route {
  readonly points: ReadonlyArray<Point>
  readonly words: Point
  readonly anchor?: "start" | "middle" | "end"
}

const routes: Record<string, Route> = {
  "No token → Requesting": { points: [[230, 70], [355, 70]], words: [292, 46], anchor: "middle" },
  "Requesting → No token": { points: [[355, 100], [230, 100]], words: [292, 117], anchor: "middle" },
  "Requesting → Cooling down": { points: [[545, 70], [670, 70]], words: [607, 62], anchor: "middle" },
  "Cooling down → Requesting": { points: [[670, 98], [545, 98]], words: [607, 116], anchor: "middle" },
  "Requesting → Fresh": { points: [[385, 112], [210, 260]], words: [268, 222], anchor: "start" },
  "Fresh → No token": { points: [[80, 260], [80, 112]], words: [88, 180] },
  "Fresh → Renewing": { points: [[230, 274], [355, 274]], words: [292, 250], anchor: "middle" },
  "Renewing → Fresh": { points: [[355, 302], [230, 302]], words: [292, 318], anchor: "middle" },
  "Renewing → Requesting": { points: [[470, 260], [470, 112]], words: [478, 178] },
  "Renewing → Backing off": { points: [[545, 274], [670, 274]], words: [607, 266], anchor: "middle" },
  "Backing off → Renewing": { points: [[670, 302], [545, 302]], words: [607, 318], anchor: "middle" },
  "Backing off → No token": {
    points: [[765, 316], [765, 366], [20, 366], [20, 84], [40, 84]],
    words: [755, 340],
    anchor: "end"
  }
}

/** The picture as it must be in `docs/images/states.svg`. */
export const statesDiagram = (): string => {
  const arrows = [...transitions()].map(([arrow, labels]) => {
    const route = routes[arrow]
    if (route === undefined) throw new Error(`the picture has no place for the arrow ${arrow}`)
    return { arrow, labels, route }
  })
  const unused = Object.keys(routes).filter((arrow) => !arrows.some((drawn) => drawn.arrow === arrow))
  if (unused.length > 0) throw new Error(`no situation leads along ${unused.join(", ")}`)
  const canClose = moments.every((moment) => nameOf(after(moment, close)) === "Closed")
  if (!canClose) throw new Error("a source cannot be closed in some state")
  const states = moments.map((moment) => {
    const [words, kind] = callersOf(moment)
    return { name: nameOf(moment), words, kind }
  })
  return toFile({
    width: 900,
    height: 500,
    title: "The states of a token source, and what leads from one to another",
    description: [
      ...states.map(({ name, words }) => `In the state "${name}", a caller of get ${words}.`),
      ...arrows.map(({ arrow, labels }) => `${arrow}: ${labels.join("; ")}.`),
      "From every state, closing the Layer leads to the state \"Closed\"."
    ].join(" "),
    shapes: [
      ...arrows.map(({ route }) => line(route.points, true)),
      ...arrows.flatMap(({ labels, route: { anchor = "start", words: [x, y] } }) =>
        labels.map((label, n) => text(x, y + 15 * n, label, { anchor, kind: "faint small" }))
      ),
      ...states.flatMap(({ kind, name, words }) => {
        const [x, y] = places[name]
        return [
          box(x, y, size.width, size.height, kind),
          text(x + size.width / 2, y + 23, name, { anchor: "middle", kind: "ink title" }),
          text(x + size.width / 2, y + 42, words, { anchor: "middle", kind: "ink small" })
        ]
      }),
      text(40, 30, "The source has no valid token.", { kind: "faint small" }),
      text(40, 400, "In the lower row, the source has a valid token.", { kind: "faint small" }),
      text(40, 432, "The second line of a box says what a caller of get gets.", { kind: "faint small" }),
      text(658, 452, "closing the Layer, in every state", { anchor: "end", kind: "faint small" })
    ]
  })
}
