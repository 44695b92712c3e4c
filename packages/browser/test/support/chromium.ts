/*
 * The Chromium of this machine. Nothing is downloaded: the package of Debian works, and so does every Chrome or
 * Chromium since 2023.
 */
import { env } from "node:process"
import { isExecutable, placesOf } from "../../../../test/programs.js"

const candidates = [
  ...(env["CHROME_BIN"] === undefined ? [] : [env["CHROME_BIN"]]),
  ...placesOf("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium"
]

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
