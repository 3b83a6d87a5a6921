// Adam by backpropagation, as the contrast: the one search here that takes a derivative. Before a
// sign or step function that derivative is zero: only the last layer learns, the others stand still.
import type { Points } from "../protocol.ts";
import { Adam } from "./adam.ts";
import { type Layer, activate, byCoordinate, dense } from "./network.ts";
import type { Start, Strategy } from "./strategy.ts";

/** A step counts as a forward pass and a backward pass of about two, as in the library. */
const EVALUATIONS_PER_STEP = 3;

export class GradientDescent implements Strategy {
  readonly population = 1;
  readonly evaluations = EVALUATIONS_PER_STEP;
  readonly judgesCenter = false;
  readonly center: Float32Array;
  private readonly candidate: Float32Array; // the center that is judged, before the step
  private readonly rows: number;
  private readonly values: Float32Array[]; // inputs of each layer, and the logits behind them
  private readonly slopes: Float32Array[]; // of the loss by the outputs of each layer
  private readonly sums: Float64Array;
  private readonly gradient: Float32Array;
  private readonly adam: Adam;

  constructor(private readonly start: Start, private readonly learningRate: number) {
    const { layers, size } = start.network;
    this.rows = start.points.label.length;
    this.center = start.first.slice();
    this.candidate = start.first.slice();
    this.slopes = layers.map((layer) => new Float32Array(layer.outputs * this.rows));
    this.values = [byCoordinate(start.points), ...this.slopes.map((slope) => slope.slice())];
    this.sums = new Float64Array(this.rows);
    this.gradient = new Float32Array(size);
    this.adam = new Adam(size);
  }

  /** Nothing is drawn around the center. */
  get sigma(): number {
    return 0;
  }

  ask(): Float32Array {
    this.candidate.set(this.center);
    return this.candidate;
  }

  tell(): Uint8Array {
    this.forward();
    this.backward(this.start.points);
    const update = this.adam.update(this.gradient);
    for (let i = 0; i < update.length; i++) this.center[i] -= this.learningRate * update[i];
    return new Uint8Array([1]);
  }

  private forward(): void {
    const { layers, activation } = this.start.network;
    layers.forEach((layer, index) => {
      const to = this.values[index + 1];
      dense(layer, this.center, this.values[index], to, this.rows, this.sums);
      if (index + 1 < layers.length) activate(activation, to, to.length);
    });
  }

  private backward(points: Points): void {
    const { layers } = this.start.network;
    this.ofLogits(points);
    for (let index = layers.length - 1; index >= 0; index--) {
      this.ofWeights(layers[index], index);
      if (index > 0) this.ofInputs(layers[index], index);
    }
  }

  /** Of the mean cross-entropy by logits: probability minus 1 for the true class, by row. */
  private ofLogits(points: Points): void {
    const { rows } = this, last = this.slopes.length - 1;
    const logits = this.values[last + 1], slopes = this.slopes[last];
    const classes = logits.length / rows;
    for (let row = 0; row < rows; row++) {
      let largest = -Infinity, sum = 0;
      for (let c = 0; c < classes; c++) largest = Math.max(largest, logits[c * rows + row]);
      for (let c = 0; c < classes; c++) sum += Math.exp(logits[c * rows + row] - largest);
      for (let c = 0; c < classes; c++) {
        const probability = Math.exp(logits[c * rows + row] - largest) / sum;
        slopes[c * rows + row] = (probability - (points.label[row] === c ? 1 : 0)) / rows;
      }
    }
  }

  private ofWeights(layer: Layer, index: number): void {
    const { rows } = this, from = this.values[index], slopes = this.slopes[index];
    for (let o = 0; o < layer.outputs; o++) {
      let sum = 0;
      for (let row = 0; row < rows; row++) sum += slopes[o * rows + row];
      this.gradient[layer.biases + o] = sum;
      for (let i = 0; i < layer.inputs; i++) {
        sum = 0;
        for (let row = 0; row < rows; row++) sum += slopes[o * rows + row] * from[i * rows + row];
        this.gradient[layer.weights + i * layer.outputs + o] = sum;
      }
    }
  }

  /** Of the layer's inputs, before their activation. */
  private ofInputs(layer: Layer, index: number): void {
    const { rows } = this, slopes = this.slopes[index], to = this.slopes[index - 1];
    const values = this.values[index], { activation } = this.start.network;
    for (let i = 0; i < layer.inputs; i++) {
      for (let row = 0; row < rows; row++) {
        let sum = 0;
        for (let o = 0; o < layer.outputs; o++) {
          sum += slopes[o * rows + row] * this.center[layer.weights + i * layer.outputs + o];
        }
        const value = values[i * rows + row];
        to[i * rows + row] = sum * derivative(activation, value);
      }
    }
  }
}

/** Of an activation function, by its value; steps are flat wherever they have a derivative. */
function derivative(activation: string, value: number): number {
  if (activation === "relu") return value > 0 ? 1 : 0;
  return activation === "tanh" ? 1 - value * value : 0;
}
