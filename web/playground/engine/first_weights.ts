// Where a network begins: normal weights of He's scale (He et al., 2015, equation 10), biases zero.
import type { Network } from "./network.ts";
import { foldIn, keyOf, normals } from "./random.ts";

export function firstWeights(network: Network, seed: number): Float32Array {
  const weights = new Float32Array(network.size);
  network.layers.forEach((layer, index) => {
    const own = weights.subarray(layer.weights, layer.biases);
    normals(foldIn(keyOf(seed), 2 ** 31 + index), 0, own);
    const scale = Math.sqrt(2 / layer.inputs);
    for (let i = 0; i < own.length; i++) own[i] *= scale;
  });
  return weights;
}
