/** Writes into the worker of `/field` which files the page needs, and a name that changes with them. */
import { createHash } from "node:crypto";
import type { Plugin } from "vite";

export const WORKER = "field-worker";
const PAGE = "field.html";
/** what the page links to by itself */
const ALWAYS = ["/icon.svg"];

interface Chunk {
  type: "chunk";
  code: string;
  imports: string[];
  dynamicImports: string[];
  viteMetadata?: { importedCss: Set<string>; importedAssets: Set<string> };
}
type Bundle = Record<string, Chunk | { type: "asset"; source: string | Uint8Array }>;

/** Every file the page may load, from its script on. */
export function filesOf(bundle: Bundle, entry: string): string[] {
  const files = new Set<string>();
  const visit = (name: string) => {
    const chunk = bundle[name];
    if (files.has(name) || chunk?.type !== "chunk") return;
    files.add(name);
    for (const file of [...(chunk.viteMetadata?.importedCss ?? []), ...(chunk.viteMetadata?.importedAssets ?? [])]) {
      files.add(file);
    }
    for (const next of [...chunk.imports, ...chunk.dynamicImports]) visit(next);
  };
  visit(entry);
  return [...files].sort();
}

export const fieldWorker: Plugin = {
  name: "field-worker",
  enforce: "post",
  generateBundle(_, made) {
    const bundle = made as unknown as Bundle;
    const page = bundle[PAGE];
    const worker = bundle[`${WORKER}.js`];
    if (page?.type !== "asset" || worker?.type !== "chunk") this.error("the page /field or its worker was not built");
    const html = String(page.source);
    const entry = /src="\/(assets\/[^"]+\.js)"/.exec(html)?.[1] ?? "";
    const linked = [...html.matchAll(/href="\/(assets\/[^"]+)"/g)].map((match) => match[1] ?? "");
    const fonts = Object.keys(bundle).filter((name) => name.endsWith(".woff2"));
    const files = [...new Set([...filesOf(bundle, entry), ...linked, ...fonts])].sort().map((name) => `/${name}`);
    const build = createHash("sha256").update(html).update(files.join()).digest("hex").slice(0, 12);
    worker.code = worker.code
      .replaceAll("__FIELD_FILES__", JSON.stringify([...ALWAYS, ...files]))
      .replaceAll("__FIELD_BUILD__", JSON.stringify(build));
  },
};
