import { runInNewContext } from "node:vm"

/** Runs what must not take long, and stops it where it does: a test of a hang must not hang. */
export const within = <A>(milliseconds: number, run: () => A): A => {
  const results: Array<A> = []
  runInNewContext("run()", { run: () => void results.push(run()) }, { timeout: milliseconds })
  return results[0] as A
}
