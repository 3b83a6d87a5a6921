// The average of a crowd is a slope: a gradient estimated from the losses of random changes, followed
// by Adam. Salimans et al., "Evolution Strategies as a Scalable Alternative to Reinforcement
// Learning" (2017), algorithm 1, with opposite pairs and centered ranks (section 2.1).
import { Adam } from "./adam.ts";
import type { Network } from "./network.ts";
import type { Key } from "./random.ts";
import { type Start, type Strategy, compare } from "./strategy.ts";

export class OpenAIES implements Strategy {
  readonly judgesCenter = true;
  readonly evaluations: number;
  readonly center: Float32Array;
  private readonly scales: Float32Array;
  private readonly noise: Float32Array;
  private readonly candidates: Float32Array;
  private readonly gradient: Float32Array;
  private readonly adam: Adam;

  constructor(
    private readonly start: Start, readonly sigma: number, private readonly learningRate: number,
    readonly population: number,
  ) {
    if (population % 2) {
      throw new Error(
        `the population must be an even number, since candidates are evaluated in opposite pairs, ` +
        `got ${population}. For example: ${population + 1}`,
      );
    }
    const { size } = start.network;
    this.evaluations = population + 1;
    this.center = start.first.slice();
    this.scales = scalesOf(start.network, start.first);
    this.noise = new Float32Array((population / 2) * size);
    this.candidates = new Float32Array(population * size);
    this.gradient = new Float32Array(size);
    this.adam = new Adam(size);
  }

  ask(key: Key): Float32Array {
    const half = this.population / 2, size = this.center.length;
    const { noise, candidates, center, scales } = this;
    for (let i = 0; i < half; i++) {
      this.start.evaluator.normals(key, i, noise.subarray(i * size, (i + 1) * size));
    }
    const opposite = half * size;
    const sigma = Math.fround(this.sigma);
    for (let i = 0, at = 0; i < half; i++) {
      for (let j = 0; j < size; j++, at++) {
        const change = sigma * scales[j] * noise[at];
        candidates[at] = center[j] + change;
        candidates[opposite + at] = center[j] - change;
      }
    }
    return candidates;
  }

  tell(losses: Float32Array): Uint8Array {
    const half = this.population / 2, size = this.center.length;
    const { noise, gradient, center, scales } = this;
    const weights = centeredRanks(losses);
    gradient.fill(0);
    for (let i = 0, at = 0; i < half; i++) {
      // Line 6 of the algorithm with weights that are positive for good candidates.
      const weight = (weights[half + i] - weights[i]) / (this.population * this.sigma);
      for (let j = 0; j < size; j++, at++) gradient[j] += weight * noise[at];
    }
    const update = this.adam.update(gradient);
    for (let j = 0; j < size; j++) center[j] -= this.learningRate * scales[j] * update[j];
    return Uint8Array.from(weights, (weight) => (weight > 0 ? 1 : 0));
  }
}

/** What a large change of each weight is: the root mean square of the layer's first weights. */
export function scalesOf(network: Network, first: Float32Array): Float32Array {
  const scales = new Float32Array(network.size);
  for (const layer of network.layers) {
    let squares = 0;
    for (let j = layer.weights; j < layer.biases; j++) squares += first[j] ** 2;
    const scale = Math.sqrt(squares / (layer.biases - layer.weights)) || 1;
    scales.fill(scale, layer.weights, layer.biases + layer.outputs);
  }
  return scales;
}

/** Evenly spaced weights from 1/2 for the lowest loss to -1/2 for the highest; ties share theirs. */
export function centeredRanks(losses: Float32Array): Float32Array {
  const count = losses.length;
  const weights = new Float32Array(count);
  const order = Array.from(losses.keys()).sort((a, b) => compare(losses[a], losses[b]));
  if (!Number.isFinite(losses[order[0]])) return weights; // nothing was learnt
  for (let begin = 0; begin < count; ) {
    let end = begin + 1;
    while (end < count && losses[order[end]] === losses[order[begin]]) end++;
    const weight = 0.5 - (begin + end - 1) / 2 / (count - 1);
    for (let i = begin; i < end; i++) weights[order[i]] = weight;
    begin = end;
  }
  return weights;
}
