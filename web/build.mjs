// Build every page, a folder here with an index.html, into src/gradless/pages/PAGE/static.
//
//   npm ci && npm run build
//
// What is built is committed, so that neither pip nor a user needs Node. The same sources give the
// same bytes: CI builds again and compares.
import { cp, mkdir, readdir, rm, stat } from "node:fs/promises";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const pages = join(here, "..", "src", "gradless", "pages");

for (const page of (await readdir(here)).sort()) {
  const source = join(here, page);
  if (!existsSync(join(source, "index.html"))) continue;
  const target = join(pages, page, "static");
  await rm(target, { recursive: true, force: true });
  await mkdir(target, { recursive: true });
  // What a page needs before it is bundled, such as a kernel in WebAssembly.
  const own = join(source, "build.mjs");
  if (existsSync(own)) await (await import(pathToFileURL(own))).prepare(source, target);
  // Scripts and styles that the page names; workers are entries of their own.
  const entries = ["main.ts", "worker.ts", "style.css"]
    .map((name) => join(source, name))
    .filter((file) => existsSync(file));
  await build({
    entryPoints: entries,
    outdir: target,
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    legalComments: "eof", // licences of what is bundled stay with it
  });
  const still = (await readdir(source)).filter((name) => /\.(html|svg)$/.test(name));
  for (const name of still) await cp(join(source, name), join(target, name));
  let bytes = 0;
  for (const file of await readdir(target)) bytes += (await stat(join(target, file))).size;
  console.log(`${page}: ${(bytes / 1000).toFixed(0)} kB in ${target.replace(join(here, ".."), ".")}`);
}
