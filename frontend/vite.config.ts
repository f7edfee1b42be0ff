/** How the page is built: hashed files and a manifest that Django reads; in development, a proxy to Django. */
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { shell } from "./shell.ts";

const SERVER = "http://127.0.0.1:8000";

export default defineConfig(({ command }) => ({
  base: command === "build" ? "/static/" : "/",
  plugins: [react(), shell()],
  build: {
    manifest: true,
    rolldownOptions: { input: "src/main.tsx" },
    // All of these know light-dark(), so that the build leaves it as it is.
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0, // data: URLs would need a hole in the content security policy
  },
  server: {
    proxy: {
      // The server compares Origin with its own address.
      "/api": { target: SERVER, headers: { Origin: SERVER, Referer: `${SERVER}/` } },
      "/ws": { target: SERVER, ws: true, headers: { Origin: SERVER } },
    },
  },
  test: {
    environment: "happy-dom",
    setupFiles: ["src/tests/setup.ts"],
    include: ["src/**/*.test.{ts,tsx}"],
    restoreMocks: true,
    testTimeout: 10_000, // ms; the slowest takes 0.6 s where nothing else runs
    unstubGlobals: true,
  },
}));
