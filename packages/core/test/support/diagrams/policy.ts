/*
 * The policy of a token source with its defaults, which the diagrams of the documents show.
 */
import * as Either from "effect/Either"
import type { Instant } from "../../../src/Instant.js"
import * as Options from "../../../src/internal/tokenSource/options.js"
import type * as State from "../../../src/internal/tokenSource/state.js"

export const policy: State.Policy = Either.getOrThrow(Options.validate({ scopes: ["user_info"] }))

/** So many milliseconds after the beginning, by both clocks. */
export const at = (millis: number): Instant => ({ wall: millis, monotonic: millis })
