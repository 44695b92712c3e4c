import { TokenError } from "@effect-tilia/core"
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import { unsent } from "../../../src/internal/tokenSource/unsent.js"

const tokenUrl = "https://auth.example/token"
const said = { status: 400, code: "a_code", serverMessage: "So it is.", attempts: 4, tokenUrl }
const coolDown = Duration.seconds(3)

const errors: ReadonlyArray<TokenError.TokenError> = [
  new TokenError.InvalidInputError({ setting: "scopes", expected: "one scope or more" }),
  new TokenError.CredentialsError({ message: "The vault is down.", retryable: true }),
  new TokenError.InvalidRequestError(said),
  new TokenError.InvalidClientError(said),
  new TokenError.InvalidScopeError({ ...said, requested: ["a"] }),
  new TokenError.RateLimitedError({ ...said, retryAfter: Duration.seconds(1) }),
  new TokenError.ServiceUnavailableError({ ...said, retryAfter: Duration.days(1) }),
  new TokenError.UnexpectedResponseError({ ...said, tokenUrl, problem: "it is a page" }),
  new TokenError.TokenTransportError({ reason: "Tls", tokenUrl, attempts: 4 }),
  new TokenError.TokenTimeoutError({ tokenUrl, attempts: 4 })
]

describe("An error of a request that is not made again (S7)", () => {
  it.each(errors.map((error) => [error._tag, error] as const))(
    "%s keeps its class and all that it tells, and says when the next request may be made (S7)",
    (_, error) => {
      const copy = unsent(error, coolDown)
      expect(copy.constructor).toBe(error.constructor)
      const told = { ...error, message: expect.stringContaining("Nothing was sent") }
      expect(copy).toMatchObject("retryAfter" in error ? { ...told, retryAfter: expect.anything() } : told)
      expect(copy.coolDown).toStrictEqual(coolDown)
      const before = error.message.replace("wait 1s", "wait 3s") // as long as the cool-down at least
      expect(copy.message).toBe(`${before} Nothing was sent: the next request may be made in 3s.`)
    }
  )

  it.each<[string, Duration.DurationInput | undefined, Duration.DurationInput]>([
    ["of the cool-down, if the server asked for none", undefined, "3 seconds"],
    ["of the cool-down, if the server asked for a shorter one", "1 second", "3 seconds"],
    ["that the server asked for, if that is longer", "1 day", "1 day"]
  ])("it names the wait %s (S7)", (_, asked, named) => {
    const wait = asked === undefined ? {} : { retryAfter: Duration.decode(asked) }
    for (const Class of [TokenError.RateLimitedError, TokenError.ServiceUnavailableError]) {
      expect(unsent(new Class({ ...said, ...wait }), coolDown)).toMatchObject({ retryAfter: Duration.decode(named) })
    }
  })
})
