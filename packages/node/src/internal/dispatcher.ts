/*
 * The undici dispatcher that token requests and API calls share, made from the options of `NodeTokenHttpClient`.
 */
import { InvalidInputError } from "@effect-tilia/core/TokenError"
import * as Undici from "@effect/platform-node/Undici"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Scope from "effect/Scope"
import { X509Certificate } from "node:crypto"

/**
 * Where connections go, and which certificates they trust. On a runtime that has only a stub of undici, as Bun, each
 * option is an `InvalidInputError`, because fetch cannot be told to obey it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * The URL of an HTTP proxy: `http` or `https`, with or without a user and a password. The proxy learns the name of
   * the server. It cannot read what is sent to an HTTPS server. `false` means that connections go to the server
   * itself, whatever the environment says. Another URL is an `InvalidInputError`, which does not quote it.
   *
   * @default what the environment variables `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` say when the client is made, in
   * lower case or upper case; if one holds no URL of a proxy, that is an `InvalidInputError`
   */
  readonly proxy?: string | URL | false | undefined
  /**
   * Certificates of authorities, in PEM form. They are trusted instead of Node's list, and not in addition to it. A
   * text that is not a certificate is an `InvalidInputError`.
   *
   * @default Node's list
   */
  readonly ca?: string | ReadonlyArray<string> | undefined
  /**
   * A dispatcher of undici 7. If it is given, `proxy`, `ca` and the environment variables are ignored. It is not closed
   * with the Layer. It must not follow redirects.
   *
   * @default a dispatcher that the client makes and closes
   */
  readonly dispatcher?: Undici.Dispatcher | undefined
}

/** In milliseconds. It is half of the default time of an attempt, so that one retry still fits (E6). */
const connectTimeout = 5_000

/** The error does not quote the input, because the URL of a proxy may contain a password (E2). */
const parseOption = <A>(setting: string, expected: string, parse: () => A): Either.Either<A, InvalidInputError> =>
  Either.try({ try: parse, catch: () => new InvalidInputError({ setting, expected }) })

const proxyUrl = (input: string | URL): Either.Either<URL, InvalidInputError> => {
  const expected = "the http or https URL of a proxy, or false"
  return parseOption("proxy", expected, () => new URL(input)).pipe(
    Either.filterOrLeft(
      ({ protocol }) => protocol === "http:" || protocol === "https:",
      () => new InvalidInputError({ setting: "proxy", expected })
    )
  )
}

/** Parses each certificate, because Node would ignore a wrong one and then trust no server. */
const certificates = (input: string | ReadonlyArray<string>): Either.Either<Array<string>, InvalidInputError> => {
  const blocks = (input.length === 0 ? [""] : Arr.ensure(input)).flatMap((pem) =>
    pem.match(/-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g) ?? [""]
  )
  return Either.all(
    blocks.map((pem) => parseOption("ca", "certificates in PEM form", () => new X509Certificate(pem).toString()))
  )
}

const make = ({ ca, dispatcher, proxy }: Options): Either.Either<Undici.Dispatcher, InvalidInputError> =>
  Either.gen(function*() {
    if (dispatcher !== undefined) return dispatcher
    const connect = {
      timeout: connectTimeout,
      minVersion: "TLSv1.2" as const,
      ...(ca !== undefined && { ca: yield* certificates(ca) })
    }
    if (proxy === false) return new Undici.Agent({ connect })
    const tls = { requestTls: connect, proxyTls: connect }
    if (proxy !== undefined) return new Undici.ProxyAgent({ uri: (yield* proxyUrl(proxy)).href, ...tls })
    return yield* parseOption(
      "HTTPS_PROXY or HTTP_PROXY",
      "the URL of a proxy, or unset",
      () => new Undici.EnvHttpProxyAgent({ connect, ...tls })
    )
  })

/** Makes the dispatcher, and destroys it with the scope unless it is the caller's own. */
export const acquire = (options: Options): Effect.Effect<Undici.Dispatcher, InvalidInputError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.suspend(() => make(options)),
    (dispatcher) => dispatcher === options.dispatcher ? Effect.void : Effect.promise(() => dispatcher.destroy())
  )
