/**
 * The HTTP client of the Node adapter. It uses undici, keeps its connections alive, and requires TLS 1.2 or later. A
 * connection that is not made within 5 seconds fails, which leaves time for another attempt.
 *
 * @example
 * import { NodeTokenHttpClient } from "@effect-tilia/node"
 *
 * const BehindProxy = NodeTokenHttpClient.layer({ proxy: "http://proxy.internal:3128" })
 *
 * @since 0.1.0
 */
import * as TiliaConfig from "@effect-tilia/core/TiliaConfig"
import { InvalidInputError } from "@effect-tilia/core/TokenError"
import * as Undici from "@effect/platform-node/Undici"
import { HttpClient } from "@effect/platform/HttpClient"
import * as Arr from "effect/Array"
import type * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { X509Certificate } from "node:crypto"
import { make as makeClient } from "./internal/undici.js"

/**
 * Where connections go, and which certificates they trust.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * The URL of an HTTP proxy: `http` or `https`, with or without a user and a password. The proxy learns the name of
   * the server and cannot read what is sent to it. Another URL is an `InvalidInputError`, which does not quote it.
   *
   * @default no proxy
   */
  readonly proxy?: string | URL | undefined
  /**
   * Certificates of authorities, in PEM form. They are trusted instead of Node's list, and not in addition to it. A
   * text that is not a certificate is an `InvalidInputError`.
   *
   * @default Node's list
   */
  readonly ca?: string | ReadonlyArray<string> | undefined
  /**
   * A dispatcher of undici 7. If it is given, `proxy` and `ca` are ignored. It is not closed with the Layer. It must
   * not follow redirects.
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
  const expected = "the http or https URL of a proxy"
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

const makeDispatcher = ({ ca, dispatcher, proxy }: Options): Either.Either<Undici.Dispatcher, InvalidInputError> =>
  Either.gen(function*() {
    if (dispatcher !== undefined) return dispatcher
    const tls = {
      timeout: connectTimeout,
      minVersion: "TLSv1.2" as const,
      ...(ca !== undefined && { ca: yield* certificates(ca) })
    }
    return proxy === undefined
      ? new Undici.Agent({ connect: tls })
      : new Undici.ProxyAgent({ uri: (yield* proxyUrl(proxy)).href, requestTls: tls, proxyTls: tls })
  })

const acquire = (options: Options): Effect.Effect<Undici.Dispatcher, InvalidInputError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.suspend(() => makeDispatcher(options)),
    (dispatcher) => dispatcher === options.dispatcher ? Effect.void : Effect.promise(() => dispatcher.destroy())
  )

/**
 * An HTTP client over undici. Its connections close with the scope. An option that cannot be used is an
 * `InvalidInputError`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<HttpClient, InvalidInputError, Scope.Scope> =>
  Effect.map(acquire(options), makeClient)

/**
 * The client as a Layer: see `make`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<HttpClient, InvalidInputError> =>
  Layer.scoped(HttpClient, make(options))

/**
 * The client with options from the configuration. Whatever is missing or wrong is a `ConfigError`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (options: Config.Config.Wrap<Options>): Layer.Layer<HttpClient, ConfigError> =>
  TiliaConfig.layer(options, layer)
