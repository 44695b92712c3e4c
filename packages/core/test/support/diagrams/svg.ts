/*
 * What the diagrams of the documents share: their frame, their colours in light and dark, and the shapes in them.
 */

const style = `
  .paper { fill: #ffffff; stroke: #d0d7de }
  .ink { fill: #1f2328 }
  .faint { fill: #59636e }
  .line { stroke: #59636e; fill: none; stroke-width: 1.5 }
  .tip { fill: #59636e }
  .good { fill: #dafbe1; stroke: #1a7f37 }
  .late { fill: #fff8c5; stroke: #9a6700 }
  .bad { fill: #ffebe9; stroke: #d1242f }
  .plain { fill: #f6f8fa; stroke: #59636e }
  .mark { stroke-width: 2; fill: none }
  text { font: 13px system-ui, sans-serif }
  .small { font-size: 12px }
  .title { font-weight: 600 }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #0d1117; stroke: #3d444d }
    .ink { fill: #f0f6fc }
    .faint { fill: #9198a1 }
    .line { stroke: #9198a1 }
    .tip { fill: #9198a1 }
    .good { fill: #12261e; stroke: #3fb950 }
    .late { fill: #272115; stroke: #d29922 }
    .bad { fill: #25171c; stroke: #f85149 }
    .plain { fill: #151b23; stroke: #9198a1 }
  }
`

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")

export interface Picture {
  readonly width: number
  readonly height: number
  readonly title: string
  /** What a reader must know who does not see the picture. */
  readonly description: string
  readonly shapes: ReadonlyArray<string>
}

/** The whole file. */
export const toFile = ({ description, height, shapes, title, width }: Picture): string =>
  [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" ` +
    `aria-labelledby="title description">`,
    `<title id="title">${escaped(title)}</title>`,
    `<desc id="description">${escaped(description)}</desc>`,
    `<style>${style}</style>`,
    `<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">` +
    `<path class="tip" d="M0 0 8 4 0 8z"/></marker></defs>`,
    `<rect class="paper" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8"/>`,
    ...shapes,
    "</svg>",
    ""
  ].join("\n")

/** A number of pixels with at most one digit behind the point. */
const px = (value: number): string => String(Math.round(value * 10) / 10)

export const text = (
  x: number,
  y: number,
  content: string,
  { anchor = "start", kind = "ink" }: { readonly anchor?: "start" | "middle" | "end"; readonly kind?: string } = {}
): string => `<text class="${kind}" x="${px(x)}" y="${px(y)}" text-anchor="${anchor}">${escaped(content)}</text>`

export const box = (x: number, y: number, width: number, height: number, kind: string): string =>
  `<rect class="${kind}" x="${px(x)}" y="${px(y)}" width="${px(width)}" height="${px(height)}" rx="4"/>`

/** A line along these points, with a tip at its end if `isArrow`. */
export const line = (points: ReadonlyArray<readonly [x: number, y: number]>, isArrow = false): string =>
  `<path class="line" d="M${points.map(([x, y]) => `${px(x)} ${px(y)}`).join("L")}"${
    isArrow ? " marker-end=\"url(#tip)\"" : ""
  }/>`

/** A cross for what has failed. */
export const cross = (x: number, y: number): string =>
  `<path class="bad mark" d="M${px(x - 4)} ${px(y - 4)}l8 8m0-8l-8 8"/>`

/** A dot for what has succeeded. */
export const dot = (x: number, y: number, radius = 5): string =>
  `<circle class="good" cx="${px(x)}" cy="${px(y)}" r="${radius}"/>`
