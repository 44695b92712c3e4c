// Replaces `node:util` in a page: `leakProbe` prints with it.
export { format, inspect } from "node-inspect-extracted"
