/*
 * A frame that asks the mediator that is its name for a token, and tells its page what came of it.
 */
import { outcomeOf } from "./outcome.js"

void outcomeOf(self.name).then((outcome) => parent.postMessage(outcome, "*"))
