/*
 * The protocol between `RemoteScriptedServer` and `NodeScriptedServer.serve`. The bodies are JSON. No request of a page
 * causes a preflight request.
 *
 * - `POST /` with a script opens a server.
 * - `GET /<id>` returns what the server has seen.
 * - `POST /<id>` closes the server.
 */
import * as Schema from "effect/Schema"
import * as ScriptedServer from "../ScriptedServer.js"

export const Script = Schema.parseJson(ScriptedServer.Script)

export const Seen = Schema.parseJson(ScriptedServer.Seen)

/** The response to `POST /`. */
export const Opened = Schema.parseJson(Schema.Struct({
  id: Schema.String,
  url: Schema.String,
  authority: Schema.UndefinedOr(Schema.String).pipe(Schema.optional)
}))
