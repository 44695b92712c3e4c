/*
 * The options of a token source, validated.
 */
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Scopes from "../../Scopes.js"
import type { InvalidInputError } from "../../TokenError.js"
import type { Options } from "../../TokenSource.js"
import { duration, validate as setting } from "../input.js"

const Fraction = Schema.Number.pipe(Schema.greaterThan(0), Schema.lessThan(1)).annotations({
  description: "a number above 0 and below 1"
})
const Jitter = Schema.Number.pipe(Schema.between(0, 0.5)).annotations({ description: "a number from 0 to 0.5" })
const Background = Schema.Literal("timer", "onDemand").annotations({ description: "\"timer\" or \"onDemand\"" })
const Start = Schema.Literal("lazy", "eager").annotations({ description: "\"lazy\" or \"eager\"" })

const millis = (setting: string, input: Duration.DurationInput): Either.Either<number, InvalidInputError> =>
  Either.map(duration(setting)(input), (time) => Math.ceil(Duration.toMillis(time)))

/** The options with their defaults, times in milliseconds; or an `InvalidInputError` that names the option (E2). */
export const validate = ({
  background = "timer",
  checkEvery = "1 minute",
  coolDown = {},
  expiryMargin = "10 seconds",
  idleAfter,
  jitter = 0.02,
  minRefreshInterval = "1 second",
  refreshAt = 0.8,
  scopes,
  start = "lazy"
}: Options) =>
  Either.all({
    scopes: Scopes.make(scopes),
    refreshAt: setting("refreshAt", Fraction)(refreshAt),
    jitter: setting("jitter", Jitter)(jitter),
    expiryMargin: millis("expiryMargin", expiryMargin),
    background: setting("background", Background)(background),
    idleAfter: idleAfter === undefined ? Either.right(undefined) : millis("idleAfter", idleAfter),
    start: setting("start", Start)(start),
    minRefreshInterval: millis("minRefreshInterval", minRefreshInterval),
    coolDown: Either.all({
      base: millis("coolDown.base", coolDown.base ?? "1 second"),
      max: millis("coolDown.max", coolDown.max ?? "30 seconds")
    }),
    checkEvery: millis("checkEvery", checkEvery)
  })
