import * as Schema from "effect/Schema"

/** A server that was opened, as a page and the stage in Node name it to each other. */
export const Opened = Schema.Struct({
  id: Schema.String,
  url: Schema.String,
  authority: Schema.UndefinedOr(Schema.String)
})
