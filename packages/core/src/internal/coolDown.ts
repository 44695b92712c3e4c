/*
 * What an error says that callers get without a request (S7). Pure.
 */
import * as Duration from "effect/Duration"

/** The end of its message; empty for an error of a request that was made. */
export const sentence = (coolDown: Duration.Duration | undefined): string =>
  coolDown === undefined
    ? ""
    : ` Nothing was sent: the next request may be made in ${
      Duration.format(Duration.millis(Math.ceil(Duration.toMillis(coolDown))))
    }.`
