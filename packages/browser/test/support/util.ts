// In a page this stands for `node:util`, with which `leakProbe` prints.
export { format, inspect } from "node-inspect-extracted"
