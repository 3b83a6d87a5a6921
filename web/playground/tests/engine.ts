// What the tests look at, in one bundle.
import { type Evaluator, PlainEvaluator } from "../engine/evaluator.ts";
import { KernelEvaluator } from "../engine/kernel.ts";
import type { Network } from "../engine/network.ts";
import type { Points } from "../protocol.ts";

export { firstWeights } from "../engine/first_weights.ts";
export { networkOf } from "../engine/network.ts";
export { foldIn, keyOf } from "../engine/random.ts";
export { Search } from "../engine/search.ts";
export { STRATEGIES } from "../engine/strategies.ts";

type Make = (network: Network, points: Points) => Evaluator;

/** Every evaluator by name, that of a compiled kernel among them. */
export function evaluators(module: WebAssembly.Module): Record<string, Make> {
  return {
    "TypeScript engine": (network, points) => new PlainEvaluator(network, points),
    "kernel": (network, points) => new KernelEvaluator(module, network, points),
  };
}
