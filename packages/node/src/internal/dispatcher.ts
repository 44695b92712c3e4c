/*
 * The undici dispatcher that token requests and API calls share, made from the options of `NodeTokenHttpClient`.
 */
import { InvalidInputError } from "@effect-tilia/core/TokenError"
import * as Undici from "@effect/platform-node/Undici"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import { X509Certificate } from "node:crypto"
import { Connections } from "./connections.js"
import { connectTimeout, Tunnels } from "./tunnels.js"

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
   * itself, whatever the environment says. Another URL, as one of SOCKS, is an `InvalidInputError`, which does not
   * quote it.
   *
   * @default what the environment variables `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` say when the client is made, in
   * lower case or upper case; if one holds no URL of a proxy, that is an `InvalidInputError`
   */
  readonly proxy?: string | URL | false | undefined
  /**
   * Certificates of authorities, in PEM form, as text or as the bytes of a file. They are trusted instead of Node's
   * list, and not in addition to it. What is not a certificate is an `InvalidInputError`.
   *
   * @default Node's list
   */
  readonly ca?: string | Buffer | ReadonlyArray<string | Buffer> | undefined
  /**
   * A dispatcher of undici 7 for any server, as an `Agent`. If it is given, `proxy`, `ca` and the environment variables
   * are ignored. It is not closed with the Layer. It must not follow redirects.
   *
   * A `Pool` or a `Client` sends each request to its own server, whatever the URL of the request says: that of an API
   * would get the token requests, with the secret. It is an `InvalidInputError`, but only if it comes from the undici
   * of `@effect/platform-node`, and not inside another dispatcher: others cannot be recognized.
   *
   * @default a dispatcher that the client makes and closes
   */
  readonly dispatcher?: Undici.Dispatcher | undefined
}

/** The error does not quote the input, because the URL of a proxy may contain a password (E2). */
const parseOption = <A>(setting: string, expected: string, parse: () => A): Either.Either<A, InvalidInputError> =>
  Either.try({ try: parse, catch: () => new InvalidInputError({ setting, expected }) })

/** Parses each certificate, because Node would ignore a wrong one and then trust no server. */
const certificates = (input: Exclude<Options["ca"], undefined>): Either.Either<Array<string>, InvalidInputError> =>
  parseOption(
    "ca",
    "certificates in PEM form",
    () =>
      (input.length === 0 ? [""] : Arr.ensure(input)).flatMap((pem) =>
        (String(pem).match(/-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g) ?? [""]).map((block) =>
          new X509Certificate(block).toString()
        )
      )
  )

/** A `Pool` or a `Client` sends whatever it is given to its own server: the secret to the API (N8). */
const isForOneServer = (dispatcher: object): boolean =>
  [Undici.Client, Undici.Pool, Undici.BalancedPool, Undici.RoundRobinPool].some((Single) =>
    dispatcher instanceof Single
  )

const given = (dispatcher: Undici.Dispatcher): Either.Either<Undici.Dispatcher, InvalidInputError> =>
  Predicate.hasProperty(dispatcher, "dispatch") && Predicate.isFunction(dispatcher.dispatch) &&
    !isForOneServer(dispatcher)
    ? Either.right(dispatcher)
    : Either.left(
      new InvalidInputError({
        setting: "dispatcher",
        expected: "a dispatcher of undici 7 for any server, as an Agent, and no Pool or Client"
      })
    )

/** The URL of an HTTP proxy. undici would take one of SOCKS too, as an experiment. */
const proxyUrl = (input: string | URL): string => {
  const { href, protocol } = new URL(input)
  if (protocol !== "http:" && protocol !== "https:") throw new TypeError("not the URL of an HTTP proxy")
  return href
}

/** What a variable of the environment holds, in lower case first, as undici reads it. Empty means no proxy. */
const proxyVariable = (name: "HTTP_PROXY" | "HTTPS_PROXY"): string => {
  const value = process.env[name.toLowerCase()] ?? process.env[name] ?? ""
  return value === "" ? "" : proxyUrl(value)
}

const make = (
  { ca, dispatcher, proxy }: Options,
  connections: Connections
): Either.Either<Undici.Dispatcher, InvalidInputError> =>
  Either.gen(function*() {
    if (dispatcher !== undefined) return yield* given(dispatcher)
    const connect = {
      timeout: connectTimeout,
      minVersion: "TLSv1.2" as const,
      ...(ca !== undefined && { ca: yield* certificates(ca) })
    }
    const factory = connections.pool
    if (proxy === false) return new Undici.Agent({ connect, factory })
    const through = {
      factory,
      requestTls: connect,
      proxyTls: connect,
      clientFactory: (proxy: URL, { connect }: { connect: Undici.buildConnector.connector }) =>
        new Tunnels(proxy, connections.watched(connect))
    }
    return proxy === undefined
      ? yield* parseOption(
        "HTTPS_PROXY or HTTP_PROXY",
        "the http or https URL of a proxy, or unset",
        () =>
          new Undici.EnvHttpProxyAgent({
            connect,
            ...through,
            httpProxy: proxyVariable("HTTP_PROXY"),
            httpsProxy: proxyVariable("HTTPS_PROXY")
          })
      )
      : yield* parseOption(
        "proxy",
        "the http or https URL of a proxy, or false",
        () => new Undici.ProxyAgent({ uri: proxyUrl(proxy), ...through })
      )
  })

/** Makes the dispatcher, and destroys it with the scope unless it is the caller's own. */
export const acquire = (options: Options): Effect.Effect<Undici.Dispatcher, InvalidInputError, Scope.Scope> =>
  Effect.suspend(() => {
    const connections = new Connections()
    return Effect.acquireRelease(
      make(options, connections),
      (dispatcher) =>
        dispatcher === options.dispatcher
          ? Effect.void
          : Effect.promise(() => dispatcher.destroy().then(() => connections.destroy()))
    )
  })
