/**
 * A probe that finds secrets in what a program prints.
 *
 * @example
 * import { leakProbe, linesShowing } from "@effect-tilia/testing"
 * import { expect, it } from "@effect/vitest"
 * import { Effect, Redacted } from "effect"
 *
 * it.effect("an error shows the key, and a Redacted hides it", () =>
 *   Effect.gen(function*() {
 *     const { exit, leaks } = yield* leakProbe(Effect.fail({ url: "https://api.example/?key=hunter2" }), ["hunter2"])
 *     expect(exit._tag).toBe("Failure")
 *     expect(leaks[0]).toStrictEqual({ printer: "JSON.stringify", form: "plain" })
 *     expect(linesShowing("hunter2", Redacted.make("hunter2"))).toStrictEqual([])
 *   }))
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import * as Forms from "./internal/forms.js"
import * as Recorder from "./internal/recorder.js"

/**
 * What printed a text. `"message"`, `"toString"`, `"JSON.stringify"` and `"inspect"` print the values that an effect
 * ended with, and `"Cause.pretty"` prints its failure. The loggers print these, too, and everything that the effect
 * logs. `"Console"`, the spans and `"Metric"` print what the effect gave them. `"globalThis.console"` and the printers
 * of `process` are those that a program can call without Effect.
 *
 * @since 0.1.0
 * @category models
 */
export type Printer = Recorder.Printer

/**
 * The form in which a secret was found:
 *
 * - `"plain"`, in either case;
 * - `"base64"`, which includes base64url, anywhere in a longer text;
 * - `"hex"`, also byte by byte as in `<Buffer 61 62>`;
 * - `"bytes"`, as decimal numbers: how a `Uint8Array` is printed;
 * - `"percent-encoded"`, as in a URL; `"form-encoded"`, with a plus for a space; `"HTML"`, with entities; `"escaped"`,
 *   as in a string literal of JSON or JavaScript.
 *
 * Of several encodings, up to three, it is the outermost one, as `"base64"` for hex in base64.
 *
 * @since 0.1.0
 * @category models
 */
export type Form = Forms.Form

/**
 * A secret that was printed. The text around it is not kept, because that would be another leak.
 *
 * @since 0.1.0
 * @category models
 */
export interface Leak {
  /** What printed the secret. */
  readonly printer: Printer
  /** The form of the secret in the text. */
  readonly form: Form
}

/**
 * The result of a probe.
 *
 * @since 0.1.0
 * @category models
 */
export interface Probed<A, E> {
  /** How the effect ended. */
  readonly exit: Exit.Exit<A, E>
  /**
   * The leaks so far. Each pair of a printer and a form appears once. The array grows as long as fibers that outlive
   * the effect go on printing, so assert on it after they have.
   */
  readonly leaks: ReadonlyArray<Leak>
}

/**
 * Runs an effect, and searches everything that it prints for secrets. That includes what a program could print of the
 * value that the effect ends with:
 *
 * - the message, `toString`, `JSON.stringify`, `util.inspect` (with hidden properties, at every depth, and nothing cut
 *   off) and `Cause.pretty` of its value, failures and defects;
 * - Effect's string, JSON, logfmt, structured and pretty loggers, at every level, on the same and on what the effect
 *   logs;
 * - Effect's console;
 * - the names, attributes, events, links and ends of spans;
 * - the metrics of the process that have changed, when the effect has ended;
 * - until the effect ends, what is given to the global `console`, and in Node to `process.stdout`, `process.stderr` and
 *   `process.emitWarning`. It is still printed.
 *
 * The fibers that the effect has forked are watched as long as they run: a daemon that logs a secret later adds to
 * `leaks`. While the effect and its fibers run, the default logger and Effect's console show nothing. If several probes
 * run at once, what a callback outside of any fiber prints counts for each of them. The probe does not see what the
 * effect writes to a file or to a socket. It never fails. If you interrupt it, it interrupts the effect.
 *
 * @since 0.1.0
 * @category combinators
 */
export const leakProbe = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  secrets: ReadonlyArray<string | Redacted.Redacted>
): Effect.Effect<Probed<A, E>, never, R> =>
  Effect.suspend(() => {
    const leaks: Array<Leak> = []
    const finders = secrets.map((secret) => Forms.finder(Redacted.isRedacted(secret) ? Redacted.value(secret) : secret))
    const search = ({ printer, text }: Recorder.Printed): void => {
      for (const form of finders.flatMap((formsIn) => [...formsIn(text)])) {
        const isKnown = leaks.some((leak) => leak.printer === printer && leak.form === form)
        if (!isKnown) leaks.push({ printer, form })
      }
    }
    return Effect.map(Recorder.record(effect, search), (exit) => ({ exit, leaks }))
  })

/**
 * The lines that contain a text, or that match a pattern, among all that `leakProbe` would print of a value. To prove
 * that a value hides a text: `expect(linesShowing("hunter2", error)).toStrictEqual([])`.
 *
 * @since 0.1.0
 * @category getters
 */
export const linesShowing = (text: string | RegExp, value: unknown): ReadonlyArray<string> => {
  const lines: Array<string> = []
  Effect.runSync(
    Recorder.recordOwn(Effect.failCause(Cause.fail(value)), (printed) => lines.push(...printed.text.split("\n")))
  )
  return lines.filter((line) => typeof text === "string" ? line.includes(text) : line.search(text) >= 0)
}
