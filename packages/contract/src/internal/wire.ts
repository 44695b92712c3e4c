/*
 * What `RemoteScriptedServer` and `NodeScriptedServer.serve` say to each other, as JSON. No request makes CORS ask
 * first.
 *
 * `POST /` with a script opens a server; `GET /<id>` tells what it has seen; `POST /<id>` closes it.
 */
import * as Schema from "effect/Schema"
import * as ScriptedServer from "../ScriptedServer.js"

export const Script = Schema.parseJson(ScriptedServer.Script)

export const Seen = Schema.parseJson(ScriptedServer.Seen)

export const Opened = Schema.parseJson(Schema.Struct({
  id: Schema.String,
  url: Schema.String,
  authority: Schema.UndefinedOr(Schema.String).pipe(Schema.optional)
}))
