/*
 * A worker that asks for a token, and tells what came of it.
 */
import { outcomeOf } from "./outcome.js"

void outcomeOf("/tilia/token").then((outcome) => postMessage(outcome))
