/*
 * A length of time as it is written in a flag: `500ms`, `5s`, `2m`, `1h`, `1d`, or in the words of Effect, as
 * `15 seconds`. Pure.
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"

const units = { ms: Duration.millis, s: Duration.seconds, m: Duration.minutes, h: Duration.hours, d: Duration.days }

const short = /^(\d+(?:\.\d+)?) ?(ms|s|m|h|d)$/

const isUnit = (text: string | undefined): text is keyof typeof units => text !== undefined && text in units

export const parse = (text: string): Option.Option<Duration.Duration> => {
  const [, number, unit] = short.exec(text.trim()) ?? []
  return isUnit(unit) ? Option.some(units[unit](Number(number))) : Duration.decodeUnknown(text.trim())
}
