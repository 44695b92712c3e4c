/*
 * A worker that asks the mediator that is its name for a token, and tells what came of it.
 */
import { outcomeOf } from "./outcome.js"

void outcomeOf(self.name).then((outcome) => postMessage(outcome))
