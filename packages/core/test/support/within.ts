import { expect } from "@effect/vitest"
import { runInNewContext } from "node:vm"

/** In milliseconds. It only stops a hang, on however busy a machine. */
const patience = 60_000

/** What it returns, and how many milliseconds of this process's processors it took at most. */
const timed = <A>(run: () => A): { readonly value: A; readonly took: number } => {
  const before = process.cpuUsage()
  const done: { readonly run: () => void; result?: { readonly value: A } } = {
    run: () => {
      done.result = { value: run() }
    }
  }
  // It is stopped where it hangs, because a test of a hang must not hang.
  runInNewContext("done.run()", { done }, { timeout: patience })
  const { system, user } = process.cpuUsage(before)
  return done.result === undefined
    ? expect.fail("It did not run.")
    : { value: done.result.value, took: (system + user) / 1000 }
}

/**
 * Runs what must not take long: no more than this processor time, which other processes do not add to. The other
 * threads of this process do, so what seems to take too long gets two more tries.
 */
export const within = <A>(milliseconds: number, run: () => A, tries = 3): A => {
  const { took, value } = timed(run)
  if (took >= milliseconds && tries > 1) return within(milliseconds, run, tries - 1)
  expect(took).toBeLessThan(milliseconds)
  return value
}
