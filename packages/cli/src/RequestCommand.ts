/*
 * `tilia request`: calls an API with a token, and prints the body of the response.
 */
import { AuthorizedHttpClient } from "@effect-tilia/core/AuthorizedHttpClient"
import { InvalidInputError } from "@effect-tilia/core/TokenError"
import * as NodeTilia from "@effect-tilia/node/NodeTilia"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpMethod from "@effect/platform/HttpMethod"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { readFile } from "node:fs/promises"
import { buffer } from "node:stream/consumers"
import type { Run } from "./Arguments.js"
import * as Failure from "./Failure.js"
import * as Flags from "./Flags.js"
import * as Output from "./Output.js"
import * as Progress from "./Progress.js"
import * as Settings from "./Settings.js"
import * as Unreachable from "./Unreachable.js"

const wrong = (setting: string, expected: string): Failure.Failure =>
  Failure.fromError(new InvalidInputError({ setting, expected }), "text")

const wrongUrl = wrong("URL", "a whole URL, as https://…")

const method = (text: string): Effect.Effect<HttpMethod.HttpMethod, Failure.Failure> => {
  const upper = text.toUpperCase()
  return HttpMethod.isHttpMethod(upper)
    ? Effect.succeed(upper)
    : Effect.fail(wrong("METHOD", `one of ${[...HttpMethod.all].join(", ")}`))
}

const oneConnection = "it is for one connection, and the HTTP client sets it"

/**
 * The headers that are refused, and why. undici drops `Connection`, fails for most of the others, and would send the
 * password of the proxy to the API (L10).
 */
const reserved: ReadonlyArray<readonly [name: string, reason: string]> = [
  ["Authorization", "it has the token, and tilia sets it"],
  ["Proxy-Authorization", "it is for the proxy, and HTTPS_PROXY has the user and the password"],
  ["Connection", oneConnection],
  ["Keep-Alive", oneConnection],
  ["Transfer-Encoding", oneConnection],
  ["Upgrade", "tilia request cannot change the protocol"],
  ["Content-Length", "the HTTP client sets it to the length of the body"],
  ["Expect", "the HTTP client does not wait for a response before it sends the body"]
]

/** `Name: value`, or what would have been accepted (L10). */
export const header = (text: string): Either.Either<readonly [name: string, value: string], string> => {
  const [, name = "", value = ""] = /^([!#$%&'*+.^_`|~\w-]+): *([\t\x20-\x7e\x80-\xff]*)$/.exec(text) ?? []
  if (name === "") return Either.left("written as \"Name: value\"")
  const [refused, reason] = reserved.find(([other]) => other.toLowerCase() === name.toLowerCase()) ?? []
  return refused === undefined
    ? Either.right([name, value.trim()])
    : Either.left(`a header other than ${refused}: ${reason}`)
}

const headers = (texts: ReadonlyArray<string>): Effect.Effect<Record<string, string>, Failure.Failure> =>
  Effect.mapBoth(Either.all(texts.map(header)), {
    onFailure: (expected) => Flags.invalid("header", expected),
    onSuccess: (pairs) => Object.fromEntries(pairs)
  })

/** All of the body: it is sent once more after a 401. */
const data = (text: string): Effect.Effect<Uint8Array, Failure.Failure> => {
  if (text === "-" || text === "@-") return Effect.promise(() => buffer(process.stdin))
  return text.startsWith("@")
    ? Effect.mapError(
      Effect.tryPromise(() => readFile(text.slice(1))),
      () => Flags.invalid("data", "a text, @ and the name of a file that can be read, or - for standard input")
    )
    : Effect.sync(() => Buffer.from(text))
}

const httpRequest = Effect.fnUntraced(function*(args: Run) {
  const [verb = "", url = ""] = args.operands
  const request = HttpClientRequest.make(yield* method(verb))(url, {
    headers: yield* headers(Flags.texts(args, "header"))
  })
  if (!URL.canParse(url)) return yield* Effect.fail(wrongUrl)
  return yield* Option.match(Flags.text(args, "data"), {
    onNone: () => Effect.succeed(request),
    onSome: (text) =>
      Effect.map(
        data(text),
        (body) => HttpClientRequest.bodyUint8Array(request, body, request.headers["content-type"] ?? "application/json")
      )
  })
})

const noResponse = (error: HttpClientError.HttpClientError): Failure.Failure => {
  if (error.reason === "InvalidUrl") return wrongUrl
  return Unreachable.failure("The API", error.cause, "text")
}

const late = new Failure.Failure({
  error: { _tag: "TimeoutError", message: "The response did not begin in time. Try again later.", retryable: true },
  exitStatus: 4,
  format: "text"
})

export const run = (args: Run): Effect.Effect<number, Failure.Failure> =>
  Effect.gen(function*() {
    const request = yield* httpRequest(args)
    const timeout = yield* Flags.duration(args, "timeout")
    const settings = yield* Settings.config(yield* Flags.scopes(args))
    const isVerbose = Flags.isSet(args, "verbose")
    const { retry } = Progress.forProcess(isVerbose)
    const options = { ...settings, retry, budget: timeout, source: { background: "onDemand" as const } }
    return yield* Effect.gen(function*() {
      const client = yield* AuthorizedHttpClient
      const [time, response] = yield* Effect.timed(
        Effect.timeoutFail(client.execute(request), { duration: timeout, onTimeout: () => late })
      )
      const status = Failure.exitStatusOf(response.status)
      if (isVerbose || status !== 0) {
        yield* Console.error(`The API responded with ${response.status} after ${Progress.milliseconds(time)}.`)
      }
      yield* Stream.runForEach(response.stream, Output.writeResult)
      return status
    }).pipe(Effect.provide(NodeTilia.layer(options)))
  }).pipe(
    Effect.catchTags({
      RequestError: (error) => Effect.fail(noResponse(error)),
      ResponseError: (error) => Effect.fail(noResponse(error))
    }),
    Failure.orFail("text")
  )
