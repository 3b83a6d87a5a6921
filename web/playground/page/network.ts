// The forward pass, for pictures: of many points through one network, layer by layer.
import type { Activation } from "../protocol.ts";

/** Neurons of every layer, inputs and classes included, and the activation of hidden ones. */
export interface Shape {
  sizes: number[];
  activation: Activation;
}

export function parameters(shape: Shape): number {
  let count = 0;
  for (let i = 1; i < shape.sizes.length; i++) count += (shape.sizes[i - 1] + 1) * shape.sizes[i];
  return count;
}

const SLOPES: Record<Activation, (x: number) => number> = {
  relu: (x) => (x > 0 ? x : 0),
  tanh: Math.tanh,
  sign: (x) => (x > 0 ? 1 : x < 0 ? -1 : 0),
  step: (x) => (x > 0 ? 1 : 0),
};

let buffers: Float32Array[] = [];

/** Outputs before softmax, (classes * rows), class by class, of points x0, y0, x1, y1, ... */
export function outputs(shape: Shape, weights: Float32Array, points: Float32Array): Float32Array {
  const rows = points.length / 2;
  const act = SLOPES[shape.activation];
  const isRelu = shape.activation === "relu";
  buffers = shape.sizes.map((size, layer) =>
    buffers[layer]?.length === size * rows ? buffers[layer] : new Float32Array(size * rows),
  );
  let before = buffers[0];
  for (let r = 0; r < rows; r++) {
    before[r] = points[2 * r];
    before[rows + r] = points[2 * r + 1];
  }
  let offset = 0;
  for (let layer = 1; layer < shape.sizes.length; layer++) {
    const [inputs, units] = [shape.sizes[layer - 1], shape.sizes[layer]];
    const after = buffers[layer];
    const biases = offset + inputs * units;
    const hidden = layer < shape.sizes.length - 1;
    for (let unit = 0; unit < units; unit++) {
      const row = after.subarray(unit * rows, (unit + 1) * rows);
      row.fill(weights[biases + unit]);
      addInputs(row, before, weights, offset + unit, inputs, units);
      if (!hidden) continue;
      if (isRelu) {
        for (let r = 0; r < rows; r++) if (row[r] < 0) row[r] = 0;
      } else {
        for (let r = 0; r < rows; r++) row[r] = act(row[r]);
      }
    }
    offset = biases + units;
    before = after;
  }
  return before;
}

/** Add all inputs times their weights; four at once, so that the row is read and written less. */
function addInputs(
  row: Float32Array,
  before: Float32Array,
  weights: Float32Array,
  first: number, // weight of input 0
  inputs: number,
  units: number,
): void {
  const rows = row.length;
  let input = 0;
  for (; input + 4 <= inputs; input += 4) {
    const at = first + input * units;
    const [w0, w1, w2, w3] = [weights[at], weights[at + units], weights[at + 2 * units], weights[at + 3 * units]];
    const b0 = before.subarray(input * rows, (input + 1) * rows);
    const b1 = before.subarray((input + 1) * rows, (input + 2) * rows);
    const b2 = before.subarray((input + 2) * rows, (input + 3) * rows);
    const b3 = before.subarray((input + 3) * rows, (input + 4) * rows);
    for (let r = 0; r < rows; r++) row[r] += w0 * b0[r] + w1 * b1[r] + w2 * b2[r] + w3 * b3[r];
  }
  for (; input < inputs; input++) {
    const weight = weights[first + input * units];
    const from = before.subarray(input * rows, (input + 1) * rows);
    for (let r = 0; r < rows; r++) row[r] += weight * from[r];
  }
}

/** Mean cross-entropy of a network. */
export function crossEntropy(
  shape: Shape,
  weights: Float32Array,
  points: Float32Array,
  labels: Int32Array,
): number {
  const out = outputs(shape, weights, points);
  const rows = labels.length;
  const classes = shape.sizes[shape.sizes.length - 1];
  let sum = 0;
  for (let r = 0; r < rows; r++) {
    let largest = -Infinity;
    for (let c = 0; c < classes; c++) largest = Math.max(largest, out[c * rows + r]);
    let total = 0;
    for (let c = 0; c < classes; c++) total += Math.exp(out[c * rows + r] - largest);
    sum += Math.log(total) + largest - out[labels[r] * rows + r];
  }
  return sum / rows;
}
