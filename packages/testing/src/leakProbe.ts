/**
 * A probe for secrets that get out of a program (E8).
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Record from "effect/Record"
import * as Redacted from "effect/Redacted"
import * as Disguise from "./internal/disguise.js"
import * as Recorder from "./internal/recorder.js"

/**
 * What made a text of something: a value that an effect ended with, printed by itself or as a `Cause`; Effect's
 * loggers, on that and on all that was logged meanwhile; the console, the spans and the metrics.
 *
 * @since 0.1.0
 * @category models
 */
export type Printer = Recorder.Printer

/**
 * The form in which a secret was found: plain, in any case; percent-encoded, up to three times; base64 or base64url,
 * anywhere in a longer text; hex.
 *
 * @since 0.1.0
 * @category models
 */
export type Form = keyof ReturnType<typeof Disguise.forms>

/**
 * A secret that got out: where and in what form, but not the text around it, for that would be one more place.
 *
 * @since 0.1.0
 * @category models
 */
export interface Leak {
  readonly printer: Printer
  readonly form: Form
}

/**
 * How the effect ended, and every leak, each once.
 *
 * @since 0.1.0
 * @category models
 */
export interface Probed<A, E> {
  readonly exit: Exit.Exit<A, E>
  readonly leaks: ReadonlyArray<Leak>
}

/**
 * Runs an effect and searches everything that it prints, or that can be printed of what it ends with, for secrets: the
 * message, `toString`, `JSON.stringify`, `util.inspect` (10 levels deep, hidden properties too) and `Cause.pretty` of
 * its value, failures and defects; Effect's string, JSON, logfmt, structured and pretty loggers, at every level, on the
 * same and on what is logged; Effect's console; names, attributes, events, links and ends of spans; all metrics of the
 * process.
 *
 * Meanwhile the default logger and the console are captured: nothing is shown. What is written to the global `console`
 * or to a stream isn't seen. Never fails; if it is interrupted, so is the effect.
 *
 * @example
 * import { leakProbe } from "@effect-tilia/testing"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const { exit, leaks } = yield* leakProbe(Effect.fail({ url: "https://api.example/?key=hunter2" }), ["hunter2"])
 *   console.log(exit._tag, leaks[0]) // Failure { printer: "JSON.stringify", form: "plain" }
 * })
 *
 * @since 0.1.0
 * @category combinators
 */
export const leakProbe = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  secrets: ReadonlyArray<string | Redacted.Redacted>
): Effect.Effect<Probed<A, E>, never, R> =>
  Effect.map(Recorder.record(effect), ({ exit, printed }) => {
    const leaks = new Map<string, Leak>()
    for (const secret of secrets) {
      const forms = Disguise.forms(Redacted.isRedacted(secret) ? Redacted.value(secret) : secret)
      for (const [form, isIn] of Record.toEntries(forms)) {
        for (const { printer, text } of printed) {
          if (isIn(text)) leaks.set(`${printer} ${form}`, { printer, form })
        }
      }
    }
    return { exit, leaks: [...leaks.values()] }
  })

/**
 * The lines that show a text, or what a pattern finds, among all that `leakProbe` would print of a value; none where it
 * is kept: `expect(linesShowing("hunter2", error)).toStrictEqual([])`.
 *
 * @since 0.1.0
 * @category getters
 */
export const linesShowing = (text: string | RegExp, value: unknown): ReadonlyArray<string> =>
  Effect.runSync(Recorder.record(Effect.fail(value))).printed
    .flatMap((printed) => printed.text.split("\n"))
    .filter((line) => typeof text === "string" ? line.includes(text) : text.test(line))
