import { expect } from "@effect/vitest"
import { runInNewContext } from "node:vm"

/** In milliseconds. It only stops a hang, on however busy a machine. */
const patience = 60_000

/**
 * Runs what must not take long: no more than this processor time, which other processes do not add to. It is stopped
 * where it hangs, because a test of a hang must not hang.
 */
export const within = <A>(milliseconds: number, run: () => A): A => {
  const before = process.cpuUsage()
  const timed: { readonly run: () => void; result?: { readonly value: A } } = {
    run: () => {
      timed.result = { value: run() }
    }
  }
  runInNewContext("timed.run()", { timed }, { timeout: patience })
  const { system, user } = process.cpuUsage(before)
  expect((system + user) / 1000).toBeLessThan(milliseconds)
  return timed.result === undefined ? expect.fail("It did not run.") : timed.result.value
}
