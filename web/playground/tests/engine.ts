// What the tests look at, in one bundle.
import { type Evaluator, PlainEvaluator } from "../engine/evaluator.ts";
import type { Network } from "../engine/network.ts";
import type { Points } from "../protocol.ts";

export { firstWeights } from "../engine/first_weights.ts";
export { networkOf } from "../engine/network.ts";
export { foldIn, keyOf } from "../engine/random.ts";
export { Search } from "../engine/search.ts";
export { STRATEGIES } from "../engine/strategies.ts";

/** Every evaluator by name. */
export const evaluators: Record<string, (network: Network, points: Points) => Evaluator> = {
  "TypeScript engine": (network, points) => new PlainEvaluator(network, points),
};
