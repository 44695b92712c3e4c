/*
 * The picture of an outage for docs/why.md. The state machine of the source goes through it: the times of its requests
 * are those of the machine, with the longest pauses that it may draw.
 */
import * as Exit from "effect/Exit"
import * as State from "../../../src/internal/tokenSource/state.js"
import { granted, unavailable } from "../grants.js"
import { at, policy } from "./policy.js"
import { box, cross, dot, line, text, toFile } from "./svg.js"

const second = 1000
const minute = 60 * second

const lifetime = 60 * minute
const outage = { from: 40 * minute, until: 55 * minute + 40 * second }
const end = 68 * minute

interface Request {
  readonly at: number
  readonly succeeded: boolean
}

/** What the machine does in an hour with a caller every second. A refused request ends at once. */
const play = () => {
  const requests: Array<Request> = []
  let state = State.initial(policy)
  let served = 0
  let waited = 0
  const step = (event: State.Event, time: number): State.Reply => {
    const [next, reply] = State.transition(policy, state, event, at(time))
    state = next
    return reply
  }
  for (let time = 0; time <= end; time += second) {
    const reply = step({ _tag: "Get" }, time)
    if (reply._tag === "Success") served++
    else waited++
    if (state.flight === undefined) continue
    const succeeded = time < outage.from || time >= outage.until
    requests.push({ at: time, succeeded })
    step({
      _tag: "Land",
      // In the middle of the draws for the time when a token is due, and at the end of those for a pause.
      draw: succeeded ? 0.5 : 1,
      exit: succeeded
        ? Exit.succeed({
          token: granted(`token-${time}`, time, lifetime),
          generation: undefined,
          isRequested: true,
          failure: undefined
        })
        : Exit.fail(unavailable())
    }, time)
  }
  return { requests, served, waited }
}

/** `48:07` for 48 minutes and 7 seconds. */
const clock = (millis: number): string =>
  `${Math.floor(millis / minute)}:${String(Math.round((millis % minute) / second)).padStart(2, "0")}`

const width = 800
const left = 150
const right = width - 40

export const outageStory = play()

const { requests } = outageStory
const failed = requests.filter(({ succeeded }) => !succeeded)
const [first, recovery] = requests.filter(({ succeeded }) => succeeded)
const [due] = failed

/** The picture as it must be in `docs/images/outage.svg`. */
export const outageDiagram = (): string => {
  if (first === undefined || due === undefined || recovery === undefined) throw new Error("the outage has no story")
  const expiry = first.at + lifetime
  const x = (time: number): number => left + (right - left) * time / end
  // Below, the first minute after the token was due.
  const zoom = { from: due.at - 2 * second, until: due.at + 63 * second }
  const zoomX = (time: number): number => left + (right - left) * (time - zoom.from) / (zoom.until - zoom.from)
  const zoomed = failed.filter(({ at }) => at <= zoom.until)
  const pauses = zoomed.slice(1).map(({ at }, n) => ({ from: zoomed[n]?.at ?? at, until: at }))
  const rowName = (y: number, name: string) => text(16, y, name, { kind: "ink title" })
  const bar = (y: number, from: number, until: number, kind: string, content: string) => [
    box(x(from), y, x(until) - x(from), 22, kind),
    text(x(from) + 8, y + 16, content, { kind: "ink small" })
  ]
  const times = [0, 10 * minute, 20 * minute, 30 * minute, outage.from, due.at, expiry]
  return toFile({
    width,
    height: 372,
    title: "An outage of the token endpoint that no caller notices",
    description: `A token is valid for ${lifetime / minute} minutes and is due for renewal after ${due.at / minute}. ` +
      `The token endpoint is down from ${clock(outage.from)} to ${clock(outage.until)}, in minutes and seconds. From ` +
      `${clock(due.at)} on, the source makes one request at a time in the background. Each fails, and the pauses ` +
      `between them grow from 1 to 30 seconds. At ${clock(recovery.at)}, after the endpoint is back, a request ` +
      `succeeds. Meanwhile all callers get the first token, at once.`,
    shapes: [
      text(16, 32, "minutes", { kind: "faint small" }),
      ...times.map((time) => text(x(time), 32, clock(time), { anchor: "middle", kind: "faint small" })),
      line([[left, 40], [right, 40]]),
      rowName(65, "endpoint"),
      ...bar(50, 0, outage.from, "good", "works"),
      ...bar(50, outage.from, outage.until, "bad", `outage, until ${clock(outage.until)}`),
      ...bar(50, outage.until, end, "good", "works"),
      rowName(99, "token"),
      ...bar(84, 0, due.at, "good", "the first token is fresh"),
      ...bar(84, due.at, expiry, "late", "due, still valid"),
      ...bar(110, recovery.at, end, "good", ""),
      text(x(recovery.at) - 8, 126, `the second token, from ${clock(recovery.at)} on`, {
        anchor: "end",
        kind: "ink small"
      }),
      rowName(159, "callers"),
      ...bar(144, 0, end, "good", "From the second caller on, each gets a valid token at once."),
      rowName(193, "requests"),
      line([[left, 189], [right, 189]]),
      dot(x(first.at), 189),
      ...failed.map(({ at }) => cross(x(at), 189)),
      dot(x(recovery.at), 189),
      line([[x(due.at), 200], [left - 10, 246]]),
      line([[x(zoom.until), 200], [right + 10, 246]]),
      box(left - 10, 246, right - left + 20, 110, "plain"),
      rowName(286, "the first"),
      rowName(304, "minute after"),
      rowName(322, "it was due"),
      text(left, 267, "the longest pauses between the requests, in seconds", { kind: "faint small" }),
      line([[left, 304], [right, 304]]),
      ...zoomed.map(({ at }) => cross(zoomX(at), 304)),
      ...pauses.map(({ from, until }) =>
        text((zoomX(from) + zoomX(until)) / 2, 292, String((until - from) / second), {
          anchor: "middle",
          kind: "faint small"
        })
      ),
      ...[due, ...zoomed.slice(4)].map(({ at }) =>
        text(zoomX(at), 326, clock(at), { anchor: "middle", kind: "faint small" })
      ),
      text(left, 347, "Each pause is drawn at random, up to that length. The longest one is 30 seconds.", {
        kind: "faint small"
      })
    ]
  })
}
