/**
 * The HTTP client that the Node adapter uses: undici, with connections kept alive, TLS 1.2 or later, and a time-out for
 * connecting that leaves room for another attempt.
 *
 * @since 0.1.0
 */
import { InvalidInputError } from "@effect-tilia/core/TokenError"
import * as Undici from "@effect/platform-node/Undici"
import { HttpClient } from "@effect/platform/HttpClient"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { X509Certificate } from "node:crypto"
import { make } from "./internal/undici.js"

/**
 * Where connections go, and whom they trust.
 *
 * - `proxy`: the URL of an HTTP proxy, which may hold a user and a password. The proxy sees the server's name, not what
 *   is sent to it.
 * - `ca`: certificates in PEM form, trusted in place of Node's own list.
 * - `dispatcher`: a dispatcher of undici 7 of one's own, in place of all this. It isn't closed with the Layer, and must
 *   not follow redirects.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly proxy?: string | URL | undefined
  readonly ca?: string | ReadonlyArray<string> | undefined
  readonly dispatcher?: Undici.Dispatcher | undefined
}

/** In milliseconds: half of the ten seconds that an attempt has. */
const connectTimeout = 5_000

/** What doesn't parse is refused without being quoted: a proxy's URL may hold a password. */
const attempt = <A>(setting: string, expected: string, parse: () => A): Either.Either<A, InvalidInputError> =>
  Either.try({ try: parse, catch: () => new InvalidInputError({ setting, expected }) })

const proxyUrl = (input: string | URL): Either.Either<URL, InvalidInputError> => {
  const expected = "the http or https URL of a proxy"
  return attempt("proxy", expected, () => new URL(input)).pipe(
    Either.filterOrLeft(
      ({ protocol }) => protocol === "http:" || protocol === "https:",
      () => new InvalidInputError({ setting: "proxy", expected })
    )
  )
}

/** Node ignores what isn't a certificate, and then trusts no one: find out before that. */
const certificates = (input: string | ReadonlyArray<string>): Either.Either<Array<string>, InvalidInputError> => {
  const blocks = (input.length === 0 ? [""] : Arr.ensure(input)).flatMap((pem) =>
    pem.match(/-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g) ?? [""]
  )
  return Either.all(
    blocks.map((pem) => attempt("ca", "certificates in PEM form", () => new X509Certificate(pem).toString()))
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
 * The client as a Layer. Closing it closes its connections. An option that can't be used is an `InvalidInputError`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options = {}): Layer.Layer<HttpClient, InvalidInputError> =>
  Layer.scoped(HttpClient, Effect.map(acquire(options), make))
