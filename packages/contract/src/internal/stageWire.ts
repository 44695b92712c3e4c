/*
 * What a stage in Node and one in a page say to each other, as JSON: every request is one that CORS needn't ask about.
 *
 * `POST /` with a script opens a server; `GET /<id>` tells what it has seen; `POST /<id>` closes it.
 */
import * as Schema from "effect/Schema"
import * as Stage from "../Stage.js"

export const Script = Schema.parseJson(Stage.Script)

export const Seen = Schema.parseJson(Stage.Seen)

export const Opened = Schema.parseJson(Schema.Struct({
  id: Schema.String,
  url: Schema.String,
  authority: Schema.UndefinedOr(Schema.String).pipe(Schema.optional)
}))
