// The engine of the browser: a search in a thread of its own, so that the page is drawn meanwhile.
import { PlainEvaluator } from "./engine/evaluator.ts";
import { KernelEvaluator } from "./engine/kernel.ts";
import { type MakeEvaluator, Search } from "./engine/search.ts";
import type { FromEngine, ToEngine } from "./protocol.ts";

let search: Search | null = null;

/** What judges networks: the kernel beside this file or, where it does not run, TypeScript. */
async function fastest(): Promise<MakeEvaluator> {
  try {
    const response = await fetch(new URL("kernel.wasm", self.location.href));
    if (!response.ok) throw new Error(response.statusText);
    const module = await WebAssembly.compile(await response.arrayBuffer());
    return (network, points) => new KernelEvaluator(module, network, points);
  } catch {
    return (network, points) => new PlainEvaluator(network, points);
  }
}

const evaluator = fastest();

function answer(message: ToEngine, make: MakeEvaluator): FromEngine {
  if (message.kind === "reset") {
    search = null; // should the settings be refused, there is none
    search = new Search(message.settings, make);
  } else {
    if (!search) throw new Error("a search must begin with settings, got a step; send reset first");
    search.step(message.generations, message.milliseconds);
  }
  return { kind: "state", state: search.state() };
}

// Messages that come while the kernel is loaded are answered in their order: a promise keeps it.
self.onmessage = async (event: MessageEvent<ToEngine>) => {
  const make = await evaluator;
  let message: FromEngine;
  try {
    message = answer(event.data, make);
  } catch (error) {
    message = { kind: "error", message: error instanceof Error ? error.message : String(error) };
  }
  self.postMessage(message);
};
