/*
 * After each test, the event loop turns. Effects over a `TestClock` go on for as long as they have something to do,
 * and so do the tests after them. Without a turn, the answers of Vitest's main thread are not read: those that have
 * waited for a minute fail the run.
 */
import { afterEach } from "vitest"

afterEach(() => new Promise<void>((resolve) => void setImmediate(resolve)))
