import { defineConfig } from "@playwright/test";

// Debian's Chromium; in a container, and as root, its own sandbox must be off. Playwright gives it a profile of its own.
const chromium = process.env.CHROMIUM ?? "/usr/bin/chromium";

export default defineConfig({
  testDir: "journeys",
  globalSetup: "./start.ts",
  workers: 2,
  // Bounded as a whole too: a hanging page ends the run, not the patience of whoever waits for it. Three minutes on two
  // busy cores are usual.
  globalTimeout: 600_000,
  timeout: 90_000,
  expect: { timeout: 10_000 },
  forbidOnly: true,
  reporter: "list",
  outputDir: "test-results",
  // The theft comes after the ordinary visits, and the account of what was looked at after everything.
  projects: [
    { name: "visits", testMatch: /^(?!.*(theft|coverage)\.spec\.ts$)/ },
    { name: "theft", testMatch: /theft\.spec\.ts$/, dependencies: ["visits"] },
    { name: "coverage", testMatch: /coverage\.spec\.ts$/, dependencies: ["theft"] },
  ],
  use: {
    browserName: "chromium",
    viewport: { width: 1280, height: 900 },
    locale: "en-NZ",
    timezoneId: "Pacific/Auckland",
    actionTimeout: 15_000,
    navigationTimeout: 20_000,
    screenshot: "only-on-failure",
    launchOptions: {
      executablePath: chromium,
      args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--disable-component-update"],
    },
  },
});
