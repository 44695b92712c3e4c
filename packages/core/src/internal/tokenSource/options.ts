/*
 * The options of a token source and their validation.
 */
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Scopes from "../../Scopes.js"
import { InvalidInputError } from "../../TokenError.js"
import { duration, validate as setting } from "../input.js"

/**
 * When a source renews its token, and how it behaves when it has none. A value that is out of range is an
 * `InvalidInputError` that names the option; nothing is sent.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** What the token is for: at least one scope. The order does not matter, and duplicates are merged. */
  readonly scopes: Scopes.Input
  /**
   * The fraction of a token's lifetime after which it is renewed in the background, while callers still get it. Above 0
   * and below 1.
   *
   * @default 0.8
   */
  readonly refreshAt?: number | undefined
  /**
   * How far `refreshAt` is drawn at random to either side, once for each token, so that many processes do not renew at
   * the same moment. A fraction of the lifetime, from 0 to 0.5, with which `refreshAt` stays above 0 and at most 1.
   *
   * @default 0.02, or less if `refreshAt` leaves less room
   */
  readonly jitter?: number | undefined
  /**
   * How long before its end a token counts as expired, so that none expires on its way to the API. At most a tenth of
   * the lifetime is used.
   *
   * @default "10 seconds"
   */
  readonly expiryMargin?: Duration.DurationInput | undefined
  /**
   * What renews a token: `"timer"`, a timer in the process; `"onDemand"`, the first `get` that finds the token due,
   * which still gets the current one. Choose `"onDemand"` where the process may be frozen between requests, as
   * serverless functions are.
   *
   * @default "timer"
   */
  readonly background?: "timer" | "onDemand" | undefined
  /**
   * How long after the last `get` the timer goes on renewing the token. The next `get` starts it again.
   *
   * @default the token's lifetime
   */
  readonly idleAfter?: Duration.DurationInput | undefined
  /**
   * What requests the first token: `"lazy"`, the first `get`; `"eager"`, the making of the source, which does not wait
   * for it.
   *
   * @default "lazy"
   */
  readonly start?: "lazy" | "eager" | undefined
  /**
   * The least time between two refreshes that are forced, by `refresh` or by `invalidate`. It doubles up to 30 seconds
   * while the API rejects each new token.
   *
   * @default "1 second"
   */
  readonly minRefreshInterval?: Duration.DurationInput | undefined
  /**
   * How long callers get the last error at once, without a new request, when there is no valid token. Each time is
   * drawn at random, by a fifth to either side.
   *
   * @default { base: "1 second", max: "10 seconds", maxNotRetryable: "1 minute" }
   */
  readonly coolDown?: {
    /**
     * The time after the first failure. It doubles with each further one.
     *
     * @default "1 second"
     */
    readonly base?: Duration.DurationInput | undefined
    /**
     * The longest time after an error that is `retryable`, unless the server asks for a longer one by `Retry-After`.
     *
     * @default "10 seconds"
     */
    readonly max?: Duration.DurationInput | undefined
    /**
     * The longest time after any other error, as after refused credentials.
     *
     * @default "1 minute"
     */
    readonly maxNotRetryable?: Duration.DurationInput | undefined
  } | undefined
  /**
   * The longest time that the server is left alone because it asks for that by `Retry-After`. The error shows what the
   * server asked for, in full.
   *
   * @default "10 minutes"
   */
  readonly maxRetryAfter?: Duration.DurationInput | undefined
  /**
   * The longest time between two looks at the clocks, by which the source notices that the machine slept or that the
   * wall clock was set.
   *
   * @default "1 minute"
   */
  readonly checkEvery?: Duration.DurationInput | undefined
}

const Fraction = Schema.Number.pipe(Schema.greaterThan(0), Schema.lessThan(1)).annotations({
  description: "a number above 0 and below 1"
})
const Jitter = Schema.Number.pipe(Schema.between(0, 0.5)).annotations({ description: "a number from 0 to 0.5" })
const Background = Schema.Literal("timer", "onDemand").annotations({ description: "\"timer\" or \"onDemand\"" })
const Start = Schema.Literal("lazy", "eager").annotations({ description: "\"lazy\" or \"eager\"" })

const millis = (setting: string, input: Duration.DurationInput): Either.Either<number, InvalidInputError> =>
  Either.map(duration(setting)(input), (time) => Math.ceil(Duration.toMillis(time)))

/** The options with their defaults, times in milliseconds (E2). */
export const validate = ({
  background = "timer",
  checkEvery = "1 minute",
  coolDown,
  expiryMargin = "10 seconds",
  idleAfter,
  jitter,
  maxRetryAfter = "10 minutes",
  minRefreshInterval = "1 second",
  refreshAt = 0.8,
  scopes,
  start = "lazy"
}: Options) => {
  const fraction = setting("refreshAt", Fraction)(refreshAt)
  return Either.all({
    scopes: setting("scopes", Scopes.ScopesFromArray)(scopes),
    refreshAt: fraction,
    jitter: Either.flatMap(fraction, (refreshAt) =>
      Either.filterOrLeft(
        setting("jitter", Jitter)(jitter ?? Math.min(0.02, refreshAt / 2, 1 - refreshAt)),
        (jitter) => refreshAt - jitter > 0 && refreshAt + jitter <= 1,
        () => new InvalidInputError({ setting: "jitter", expected: "less than refreshAt, and at most 1 - refreshAt" })
      )),
    expiryMargin: millis("expiryMargin", expiryMargin),
    background: setting("background", Background)(background),
    idleAfter: idleAfter === undefined ? Either.right(undefined) : millis("idleAfter", idleAfter),
    start: setting("start", Start)(start),
    minRefreshInterval: millis("minRefreshInterval", minRefreshInterval),
    coolDown: Either.all({
      base: millis("coolDown.base", coolDown?.base ?? "1 second"),
      max: millis("coolDown.max", coolDown?.max ?? "10 seconds"),
      maxNotRetryable: millis("coolDown.maxNotRetryable", coolDown?.maxNotRetryable ?? "1 minute")
    }),
    maxRetryAfter: millis("maxRetryAfter", maxRetryAfter),
    checkEvery: millis("checkEvery", checkEvery)
  })
}
