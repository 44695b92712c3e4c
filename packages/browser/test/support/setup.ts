// A failure that holds a span holds a bigint, of which the page couldn't tell vitest.
Object.defineProperty(BigInt.prototype, "toJSON", {
  value(this: bigint) {
    return this.toString()
  }
})
