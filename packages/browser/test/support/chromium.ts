/*
 * The Chromium of this machine. None is ever downloaded: Debian's, or any Chrome or Chromium of 2023 or later, will do.
 */
import { accessSync, constants } from "node:fs"
import { delimiter, join } from "node:path"
import { env } from "node:process"

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]

const candidates = [
  ...(env["CHROME_BIN"] === undefined ? [] : [env["CHROME_BIN"]]),
  ...names.flatMap((name) => (env["PATH"] ?? "").split(delimiter).map((folder) => join(folder, name))),
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium"
]

const isExecutable = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** How to get one. */
export const advice = "no Chromium found: apt-get install chromium, or name a Chrome in CHROME_BIN"

/**
 * How Playwright starts it, or nothing where there is none. Where tests must not be skipped (`CI`), that is an error.
 */
export const launch = () => {
  const executablePath = candidates.find(isExecutable)
  if (executablePath !== undefined) return { executablePath, args: ["--headless", "--no-sandbox", "--disable-gpu"] }
  if (env["CI"] !== undefined) throw new Error(advice)
  return undefined
}
