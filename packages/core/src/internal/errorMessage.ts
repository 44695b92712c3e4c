/*
 * What an error says of itself.
 */
import type * as Duration from "effect/Duration"
import * as CoolDown from "./coolDown.js"

/**
 * The whole message of an error, for its field `message`. Its stack becomes the same text: the frames would all be of
 * this library and of Effect, and hide it. Which operation failed, the spans of a `Cause` still say (E11).
 */
export const errorMessage = (error: Error & { readonly coolDown?: Duration.Duration }, message: string): string => {
  const whole = message + CoolDown.sentence(error.coolDown)
  error.stack = `${error.name}: ${whole}`
  return whole
}
