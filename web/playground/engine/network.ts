// A network of dense layers on points of the plane, and its mean cross-entropy. Weights are, layer by
// layer, W row by row (inputs x outputs), then b, in one vector. Activations are kept by neuron,
// (neurons, rows), because inner loops then run along the rows, whatever the width of the network.
import type { Activation, Points } from "../protocol.ts";

/** Where the weights of a layer are in the vector of all. */
export interface Layer {
  inputs: number;
  outputs: number;
  weights: number; // first of W
  biases: number; // first of b
}

/** What a network is, but for its weights. */
export interface Network {
  layers: Layer[];
  size: number; // weights and biases
  activation: Activation;
}

/** A network of two inputs, hidden layers and a logit for each class. */
export function networkOf(hidden: number[], classes: number, activation: Activation): Network {
  const sizes = [2, ...hidden, classes];
  const layers: Layer[] = [];
  let size = 0;
  for (let i = 0; i + 1 < sizes.length; i++) {
    const inputs = sizes[i], outputs = sizes[i + 1];
    layers.push({ inputs, outputs, weights: size, biases: size + inputs * outputs });
    size += (inputs + 1) * outputs;
  }
  return { layers, size, activation };
}

/** Points by coordinate, (2, rows), as the first layer takes them. */
export function byCoordinate(points: Points): Float32Array {
  const rows = points.label.length;
  const turned = new Float32Array(2 * rows);
  for (let i = 0; i < rows; i++) {
    turned[i] = points.x[2 * i];
    turned[rows + i] = points.x[2 * i + 1];
  }
  return turned;
}

/** A layer's outputs before any activation, (outputs, rows). */
export function dense(
  layer: Layer, weights: Float32Array, from: Float32Array, to: Float32Array, rows: number,
  sums: Float64Array,
): void {
  for (let o = 0; o < layer.outputs; o++) {
    sums.fill(weights[layer.biases + o], 0, rows);
    const of = (i: number) => weights[layer.weights + i * layer.outputs + o];
    let i = 0;
    // Four inputs in a turn: the sums are the slow part, to be read and written once for four.
    for (; i + 3 < layer.inputs; i += 4) {
      const w0 = of(i), w1 = of(i + 1), w2 = of(i + 2), w3 = of(i + 3);
      const a0 = i * rows, a1 = a0 + rows, a2 = a1 + rows, a3 = a2 + rows;
      for (let r = 0; r < rows; r++) {
        sums[r] += w0 * from[a0 + r] + w1 * from[a1 + r] + w2 * from[a2 + r] + w3 * from[a3 + r];
      }
    }
    for (; i < layer.inputs; i++) {
      const weight = of(i), start = i * rows;
      for (let r = 0; r < rows; r++) sums[r] += weight * from[start + r];
    }
    const start = o * rows;
    for (let r = 0; r < rows; r++) to[start + r] = sums[r];
  }
}

/** The activation function, in place. */
export function activate(activation: Activation, values: Float32Array, count: number): void {
  switch (activation) {
    case "relu":
      for (let i = 0; i < count; i++) if (values[i] < 0) values[i] = 0;
      return;
    case "tanh":
      for (let i = 0; i < count; i++) values[i] = Math.tanh(values[i]);
      return;
    case "sign":
      for (let i = 0; i < count; i++) values[i] = Math.sign(values[i]);
      return;
    case "step":
      for (let i = 0; i < count; i++) values[i] = values[i] > 0 ? 1 : 0;
  }
}

// Probabilities are clipped to [1e-7, 1 - 1e-7] before the logarithm, as in the chapter; 1 - 1e-7 is
// rounded to float32 there.
const LOWEST = -Math.log(Math.fround(1 - 1e-7));
const HIGHEST = -Math.log(1e-7);

/** Negative log-likelihood of a class, of logits (classes, rows). */
export function crossEntropy(
  logits: Float32Array, classes: number, rows: number, row: number, label: number,
): number {
  const ofLabel = logits[label * rows + row];
  let sum = 0;
  for (let c = 0; c < classes; c++) sum += Math.exp(Math.fround(logits[c * rows + row] - ofLabel));
  return Math.min(HIGHEST, Math.max(LOWEST, Math.log(sum)));
}

/** The class with the largest logit; of equal ones the first. */
export function predicted(
  logits: Float32Array, classes: number, rows: number, row: number,
): number {
  let best = 0;
  for (let c = 1; c < classes; c++) {
    if (logits[c * rows + row] > logits[best * rows + row]) best = c;
  }
  return best;
}
