/** Build of the console: everything it needs ends in dist/, so that it works on a network without an outside. */
import { defineConfig } from "vitest/config";

const api = process.env.CITYGRID_API ?? "http://127.0.0.1:8077";

export default defineConfig({
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  worker: { format: "es" },
  build: {
    target: "es2022",
    // a data: address would need its own line in the content security policy
    assetsInlineLimit: 0,
    // MapLibre is one megabyte in one piece; nothing to split
    chunkSizeWarningLimit: 1500,
  },
  server: { proxy: { "/api": api } },
  test: { include: ["tests/**/*.test.ts"], environment: "node" },
});
