/*
 * The URL of a Redis. ioredis accepts almost any text for one, and throws on some of the others. Its query would set
 * any option of the connection, those that the store relies on too. So this is stricter.
 */
import * as Option from "effect/Option"
import type { RedisOptions } from "ioredis"
import type { Login } from "./connection.js"

/** What is accepted, for an error that must not quote the URL: it may contain a password (E2). */
export const expected = "a URL like redis://user:password@host:6379/0, or rediss:// for TLS, " +
  "with special characters percent-encoded and without a query"

const pattern = /^\/?$|^\/(\d{1,5})$/

/** What such a URL says. */
export interface Place {
  readonly server: Pick<RedisOptions, "host" | "port" | "tls">
  readonly login: Login
}

/** Where the Redis of this URL is, and who logs in there; none if it is not such a URL. */
export const parse = (text: string): Option.Option<Place> =>
  Option.liftThrowable((): Place | undefined => {
    const url = new URL(text)
    const path = pattern.exec(url.pathname)
    const isTls = url.protocol === "rediss:"
    if (!isTls && url.protocol !== "redis:") return undefined
    if (url.hostname === "" || path === null || url.search !== "" || url.hash !== "") return undefined
    return {
      server: {
        host: decodeURIComponent(url.hostname).replace(/^\[|\]$/g, ""),
        port: url.port === "" ? 6379 : Number(url.port),
        ...(isTls && { tls: {} })
      },
      login: {
        username: decodeURIComponent(url.username),
        password: decodeURIComponent(url.password),
        database: Number(path[1] ?? 0)
      }
    }
  })().pipe(Option.flatMap(Option.fromNullable))
