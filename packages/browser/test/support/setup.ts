// A failure that contains a span contains a bigint, which the page could not send to vitest as JSON.
Object.defineProperty(BigInt.prototype, "toJSON", {
  value(this: bigint) {
    return this.toString()
  }
})
