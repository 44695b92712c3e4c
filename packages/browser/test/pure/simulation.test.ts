import { describe, expect, it } from "vitest"
import { type Plan, play, type Result } from "./world.js"

const calm: Omit<Plan, "seed"> = {
  tabs: 5,
  duration: 20_000,
  delay: 10,
  mediator: 500,
  lifetime: 8_000,
  clears: 0,
  freezes: 0,
  kills: 0,
  restores: 0,
  losses: 0,
  clockSteps: 0,
  hostile: 0,
  outage: undefined
}
const run = (name: string, count: number, extra: (seed: number) => Partial<Plan>, bound: (plan: Plan) => number) => {
  const began = Date.now()
  const sums = { requests: 0, needless: 0, deliveries: 0, skips: 0, worst: 0, ratio: 0 }
  const problems = new Map<string, number>()
  for (let seed = 0; seed < count; seed++) {
    const plan = {
      ...calm,
      seed,
      tabs: 2 + seed % 6,
      delay: [1, 5, 20][seed % 3] ?? 1,
      mediator: [50, 500, 5000][seed % 4] ?? 200,
      ...extra(seed)
    }
    const r: Result = play(plan)
    sums.requests += r.requests
    sums.needless += r.needless
    sums.deliveries += r.deliveries
    sums.skips += r.skips
    sums.worst = Math.max(sums.worst, r.deliveries / r.tabs / r.outcomes)
    for (const p of new Set(r.problems)) problems.set(p, seed)
    if (r.needless > bound(plan)) problems.set("needless", seed)
    if (r.skips > bound(plan)) problems.set("skips", seed)
  }
  console.log(name, count, Date.now() - began, JSON.stringify(sums), JSON.stringify([...problems]))
}
describe("x", () => {
  it("calm", () => {
    run("calm", 1000, () => ({}), () => 0)
    run("outage", 300, (seed) => ({ outage: [3000 + seed * 10, 12000] }), () => 0)
    run("clears", 300, () => ({ clears: 2 }), () => 2)
    run("kills", 300, () => ({ kills: 2 }), () => 2)
    run("freezes", 300, () => ({ freezes: 3 }), () => 3)
    run("restores", 300, () => ({ restores: 3 }), () => 3)
    run("restores+clears", 300, () => ({ restores: 3, clears: 3 }), () => 3)
    run("freezes+clears", 300, () => ({ freezes: 3, clears: 3 }), () => 3)
    run("losses", 300, () => ({ losses: 3 }), () => 3)
    run("clock", 300, () => ({ clockSteps: 3 }), () => 3)
    run("hostile", 300, () => ({ hostile: 50 }), () => 0)
    expect(1).toBe(1)
  }, 100000)
})
