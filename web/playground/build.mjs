// Build the kernel of the playground's engine, AssemblyScript into WebAssembly with SIMD.
import { join } from "node:path";
import asc from "assemblyscript/asc";

/** Write kernel.wasm, which the worker loads from beside it, into a folder. */
export async function prepare(source, target) {
  const { error, stderr } = await asc.main([
    join(source, "kernel", "kernel.ts"), "--outFile", join(target, "kernel.wasm"),
    "--runtime", "stub", "--enable", "simd", "-O3", "--converge", "--noAssert", "--use", "abort=",
  ]);
  if (error) throw new Error(`the kernel cannot be built: ${error.message}\n${stderr}`);
}
