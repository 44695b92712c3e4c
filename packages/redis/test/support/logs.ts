/*
 * What the store logs.
 */
import * as HashMap from "effect/HashMap"
import * as Logger from "effect/Logger"

/** Collects what is logged. */
export const recorded = () => {
  const lines: Array<string> = []
  const logger = Logger.make(({ annotations, logLevel, message }) => {
    lines.push(`${logLevel.label} ${String(message)}${HashMap.size(annotations) === 0 ? "" : " annotated"}`)
  })
  return { lines, layer: Logger.replace(Logger.defaultLogger, logger) }
}
