/*
 * The connections to a proxy, through which undici's `ProxyAgent` opens its tunnels. It asks for each with `connect`.
 */
import * as Undici from "@effect/platform-node/Undici"

/** In milliseconds. It is half of the default time of an attempt, so that one retry still fits (E6, N6). */
export const connectTimeout = 5_000

/** The proxy asks for a user and a password, or for others. undici's own error for this has no status. */
export class ProxyAuthenticationError extends Error {
  override readonly name = "ProxyAuthenticationError"
  override readonly message = "The proxy refused the user and the password of its URL with a 407, or needs them."
}

/** With these codes, undici takes a connection for lost, and makes it again at once and for ever (N7). */
const isLost = (error: unknown): boolean =>
  error instanceof Undici.errors.SocketError || error instanceof Undici.errors.InformationalError

/**
 * An error with the code that undici 8 gives to one of a proxy. There, this is repaired
 * (https://github.com/nodejs/undici/pull/5441).
 */
const noTunnel = (message: string, cause?: unknown): Error =>
  Object.assign(new Error(message, { cause }), { code: "UND_ERR_PRX_CONN" })

/** Those of the proxy's URL. undici sends them only if there is both a user and a password (N7). */
const credentials = ({ password, username }: URL): Readonly<Record<string, string>> => {
  if (username === "" && password === "") return {}
  const text = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return { "proxy-authorization": `Basic ${Buffer.from(text).toString("base64")}` }
}

/** A tunnel that is not open within the time for a connection closes its socket and fails (N6). */
export class Tunnels extends Undici.Pool {
  readonly #credentials: Readonly<Record<string, string>>

  /** Throws an error if the proxy's URL is wrong. */
  constructor(proxy: URL, connect: Undici.buildConnector.connector) {
    super(proxy, { connect })
    this.#credentials = credentials(proxy)
  }

  override async connect(
    options: Omit<Undici.Dispatcher.ConnectOptions, "origin">
  ): Promise<Undici.Dispatcher.ConnectData> {
    const limit = new AbortController()
    const timer = setTimeout(
      () => limit.abort(new Undici.errors.ConnectTimeoutError("The proxy opened no tunnel in time.")),
      connectTimeout
    )
    try {
      const headers = { ...options.headers, ...this.#credentials }
      const made = await super.connect({ ...options, headers, signal: limit.signal })
      // No server speaks before its client does. undici cannot read this, and would connect again for ever (N7).
      const speaksFirst = made.socket.readableLength > 0
      if (made.statusCode !== 407 && !speaksFirst) return made
      made.socket.on("error", () => {}).destroy()
      throw made.statusCode === 407
        ? new ProxyAuthenticationError()
        : noTunnel("The proxy sent something into the tunnel before the request.")
    } catch (error) {
      throw isLost(error) ? noTunnel("The proxy closed the connection before the tunnel was open.", error) : error
    } finally {
      clearTimeout(timer)
    }
  }
}
