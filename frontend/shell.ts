/** Writes the service worker of a build: which files make the shell, and the version that they have together. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import type { Plugin } from "vite";

const SOURCE = "src/worker/sw.js";
const BASE = "/static/";
// Formulas and the languages of code are kept once they were needed.
const WHEN_NEEDED = /KaTeX|katex|Formula/;

function isLanguage(facade: string | null | undefined): boolean {
  return facade?.includes("highlight.js/") ?? false;
}

export function shell(): Plugin {
  return {
    name: "shell",
    apply: "build",
    generateBundle(_, bundle) {
      const built = Object.values(bundle)
        .filter(({ fileName }) => /\.(js|css)$/.test(fileName) && !WHEN_NEEDED.test(fileName))
        .filter((output) => output.type === "asset" || !isLanguage(output.facadeModuleId))
        .map(({ fileName }) => fileName);
      const files = [...built, ...readdirSync("public")].sort().map((name) => BASE + name);
      const source = readFileSync(SOURCE, "utf8");
      const version = createHash("sha256").update(source).update(files.join()).digest("hex").slice(0, 12);
      this.emitFile({
        type: "asset",
        fileName: ".vite/sw.js",
        source: source
          .replace("__VERSION__", version)
          .replace('"__FILES__"', files.map((path) => `"${path}"`).join(", ")),
      });
    },
  };
}
