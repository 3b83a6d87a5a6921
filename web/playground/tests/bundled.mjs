// Modules of the engine for node, which knows no TypeScript: bundled as the page bundles them.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { prepare } from "../build.mjs";

const playground = join(dirname(fileURLToPath(import.meta.url)), "..");

/** What a file of the playground exports. */
export async function bundled(file) {
  const { outputFiles } = await build({
    entryPoints: [join(playground, file)], bundle: true, write: false, format: "esm",
    target: "es2022",
  });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString("base64")}`);
}

/** The kernel, built as the page has it. */
export async function kernel() {
  const folder = await mkdtemp(join(tmpdir(), "kernel-"));
  try {
    await prepare(playground, folder);
    return await WebAssembly.compile(await readFile(join(folder, "kernel.wasm")));
  } finally {
    await rm(folder, { recursive: true });
  }
}
