// Modules of the engine for node, which knows no TypeScript: bundled as the page bundles them.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const playground = join(dirname(fileURLToPath(import.meta.url)), "..");

/** What a file of the playground exports. */
export async function bundled(file) {
  const { outputFiles } = await build({
    entryPoints: [join(playground, file)], bundle: true, write: false, format: "esm",
    target: "es2022",
  });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString("base64")}`);
}
