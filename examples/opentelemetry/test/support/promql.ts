/*
 * As much of PromQL as a rule file needs to be checked in a test: the names that an expression uses, and the value of
 * an expression of selectors, numbers, `time()` and operators between vectors of equal labels. It is parsed by
 * Prometheus' own grammar. Whatever else it finds in an expression, it refuses.
 */
import type { SyntaxNode, Tree } from "@lezer/common"
import { parser } from "@prometheus-io/lezer-promql"

export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** The samples in what an exporter sends, in the text format of Prometheus. */
export const parseExposition = (text: string): ReadonlyArray<Sample> =>
  [...text.matchAll(/^(\w+)(?:\{(.*)\})? (\S+)(?: \d+)?$/gm)].map(([, name = "", labels = "", value = ""]) => ({
    name,
    labels: Object.fromEntries(
      [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, value]) => [key, value])
    ),
    value: Number(value.replace("Inf", "Infinity"))
  }))

interface Selector {
  readonly name: string
  readonly matchers: ReadonlyArray<{ readonly label: string; readonly operator: string; readonly value: string }>
}

const children = (node: SyntaxNode): ReadonlyArray<SyntaxNode> => {
  const found: Array<SyntaxNode> = []
  for (let child = node.firstChild; child !== null; child = child.nextSibling) found.push(child)
  return found
}

const parse = (expression: string): Tree => {
  const tree = parser.parse(expression)
  tree.iterate({
    enter: ({ from, type }) => {
      if (type.isError) throw new Error(`No PromQL at ${from}: ${expression}`)
    }
  })
  return tree
}

const selectorOf = (node: SyntaxNode, expression: string): Selector => {
  const text = ({ from, to }: { readonly from: number; readonly to: number }) => expression.slice(from, to)
  const [identifier, matchers] = children(node)
  if (identifier?.name !== "Identifier") throw new Error(`A selector without a name: ${text(node)}`)
  return {
    name: text(identifier),
    matchers: (matchers === undefined ? [] : children(matchers)).map((matcher) => {
      const [label, operator, value] = children(matcher).map(text)
      return { label: label ?? "", operator: operator ?? "", value: JSON.parse(value ?? "") }
    })
  }
}

/** The metrics that an expression selects, and the labels by which it groups. */
export const namesIn = (expression: string) => {
  const selectors: Array<Selector> = []
  const grouped: Array<string> = []
  parse(expression).iterate({
    enter: ({ name, node }) => {
      if (name === "VectorSelector") selectors.push(selectorOf(node, expression))
      if (name === "GroupingLabels") grouped.push(...children(node).map(({ from, to }) => expression.slice(from, to)))
    }
  })
  return { selectors, grouped }
}

type Vector = ReadonlyArray<Omit<Sample, "name">>

const arithmetic: Record<string, (left: number, right: number) => number> = {
  Add: (left, right) => left + right,
  Sub: (left, right) => left - right,
  Mul: (left, right) => left * right
}
const comparison: Record<string, (left: number, right: number) => boolean> = {
  Lss: (left, right) => left < right,
  Gtr: (left, right) => left > right
}

const keyOf = ({ labels }: { readonly labels: Readonly<Record<string, string>> }) =>
  JSON.stringify(Object.entries(labels).sort())

/** What an expression yields at a time, in seconds. An alert whose expression yields nothing does not fire. */
export const evaluate = (expression: string, samples: ReadonlyArray<Sample>, now: number): Vector => {
  const value = (node: SyntaxNode): Vector | number => {
    const [first, second, third] = children(node)
    switch (node.name) {
      case "PromQL":
      case "ParenExpr":
        if (first !== undefined) return value(first)
        break
      case "NumberDurationLiteral":
        return Number(expression.slice(node.from, node.to))
      case "FunctionCall":
        if (expression.slice(node.from, node.to) === "time()") return now
        break
      case "VectorSelector": {
        const { matchers, name } = selectorOf(node, expression)
        if (matchers.length > 0) break
        return samples.filter((sample) => sample.name === name)
      }
      case "BinaryExpr":
        if (first !== undefined && second !== undefined && third !== undefined) {
          return binary(second.name, value(first), value(third))
        }
    }
    throw new Error(`This test does not know ${node.name}: ${expression.slice(node.from, node.to)}`)
  }

  const binary = (operator: string, left: Vector | number, right: Vector | number): Vector | number => {
    if (typeof left === "number" && typeof right === "number") {
      const result = arithmetic[operator]?.(left, right)
      if (result !== undefined) return result
    }
    const all: Vector = typeof left === "number" ? (typeof right === "number" ? [] : right) : left
    return all.flatMap((sample) => {
      const { labels } = sample
      const find = (side: Vector | number) =>
        typeof side === "number" ? side : side.find((other) => keyOf(other) === keyOf(sample))?.value
      const [a, b] = [find(left), find(right)]
      if (operator === "And") return b === undefined ? [] : [sample]
      if (operator === "Unless") return b === undefined ? [sample] : []
      if (a === undefined || b === undefined) return []
      const result = arithmetic[operator]?.(a, b)
      if (result !== undefined) return [{ labels, value: result }]
      const compare = comparison[operator]
      if (compare === undefined) throw new Error(`This test does not know the operator ${operator}.`)
      return compare(a, b) ? [{ labels, value: a }] : []
    })
  }

  const result = value(parse(expression).topNode)
  return typeof result === "number" ? [{ labels: {}, value: result }] : result
}
