// The engine of the browser: a search in a thread of its own, so that the page is drawn meanwhile.
import { PlainEvaluator } from "./engine/evaluator.ts";
import { Search } from "./engine/search.ts";
import type { FromEngine, ToEngine } from "./protocol.ts";

let search: Search | null = null;

function answer(message: ToEngine): FromEngine {
  if (message.kind === "reset") {
    search = null; // should the settings be refused, there is none
    search = new Search(message.settings, (network, points) => new PlainEvaluator(network, points));
  } else {
    if (!search) throw new Error("a search must begin with settings, got a step; send reset first");
    search.step(message.generations, message.milliseconds);
  }
  return { kind: "state", state: search.state() };
}

self.onmessage = (event: MessageEvent<ToEngine>) => {
  let message: FromEngine;
  try {
    message = answer(event.data);
  } catch (error) {
    message = { kind: "error", message: error instanceof Error ? error.message : String(error) };
  }
  self.postMessage(message);
};
