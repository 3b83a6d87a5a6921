// Where a network begins: normal weights of He's scale (He et al., 2015, equation 10), biases zero.
// The same numbers as in the library: gradless/models/first_weights.py.
import type { Network } from "./network.ts";
import { DefaultGenerator } from "./numpy.ts";

export function firstWeights(network: Network, seed: number): Float32Array {
  const generator = new DefaultGenerator(seed);
  const weights = new Float32Array(network.size);
  for (const layer of network.layers) {
    const scale = Math.sqrt(2 / layer.inputs);
    for (let i = layer.weights; i < layer.biases; i++) weights[i] = scale * generator.normal();
  }
  return weights;
}
