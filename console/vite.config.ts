/** Build of the pages: everything they need ends in dist/, so that they work on a network without an outside. */
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";
import { fieldWorker, WORKER } from "./bundling/field_worker.ts";

const api = process.env.CITYGRID_API ?? "http://127.0.0.1:8077";

/** Pages beside the console; each lives at `/<name>` and below it. */
const PAGES = ["field", "registry", "login", "citizens", "people", "silences"];

/** The development server gives the pages at their addresses too, as the API does. */
const addresses: Plugin = {
  name: "page-addresses",
  configureServer(server) {
    server.middlewares.use((request, _, next) => {
      const [path = ""] = (request.url ?? "").split("?");
      const page = path.split("/")[1] ?? "";
      if (PAGES.includes(page) && !path.includes(".")) request.url = `/${page}.html`;
      next();
    });
  },
};

export default defineConfig({
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  plugins: [addresses, fieldWorker],
  worker: { format: "es" },
  build: {
    target: "es2022",
    // a data: address would need its own line in the content security policy
    assetsInlineLimit: 0,
    // MapLibre is one megabyte in one piece; nothing to split
    chunkSizeWarningLimit: 1500,
    rolldownOptions: {
      input: {
        index: "index.html",
        ...Object.fromEntries(PAGES.map((page) => [page, `${page}.html`])),
        [WORKER]: "src/field/worker.ts",
      },
      // the worker's name stays: browsers look at the same address for a newer one
      output: { entryFileNames: ({ name }) => (name === WORKER ? "[name].js" : "assets/[name]-[hash].js") },
    },
  },
  server: { proxy: { "/api": api } },
  test: { include: ["tests/**/*.test.ts"], environment: "node" },
});
