/*
 * The Chromium of this machine. Nothing is downloaded: the package of Debian works, and so does every Chrome or
 * Chromium since 2023.
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

/** What to do if there is no Chromium. */
export const advice = "no Chromium found: apt-get install chromium, or name a Chrome in CHROME_BIN"

/**
 * The launch options for Playwright; `undefined` without a Chromium. In CI that is an error, so that no test is
 * skipped.
 */
export const launch = () => {
  const executablePath = candidates.find(isExecutable)
  if (executablePath !== undefined) return { executablePath, args: ["--headless", "--no-sandbox", "--disable-gpu"] }
  if (env["CI"] !== undefined) throw new Error(advice)
  return undefined
}
