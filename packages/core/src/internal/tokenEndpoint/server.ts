/*
 * What the telemetry says of the server that a token is requested from (O1, O2). It is apart from the labels, so that a
 * page, which only knows its mediator, does not load it. Pure.
 */
import { production, staging } from "../../Environment.js"

/** The server of an endpoint, as its metrics and its spans name it. */
export interface Server {
  readonly environment: string
  /** The attributes of a request's span, in the names of OpenTelemetry. */
  readonly attributes?: Readonly<Record<string, string | number>>
}

/** A port is only told of where it is not that of the scheme. */
export const serverOf = (tokenUrl: string): Server => {
  const { hostname, port } = new URL(tokenUrl)
  const named = tokenUrl === production.tokenUrl ? "production" : tokenUrl === staging.tokenUrl ? "staging" : undefined
  return {
    environment: named ?? hostname,
    attributes: { "server.address": hostname, ...port !== "" && { "server.port": Number(port) } }
  }
}
