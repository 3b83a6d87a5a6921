// What takes the time of a search: noise, and losses of networks. In plain TypeScript here; the kernel
// in WebAssembly does the same (kernel.ts).
import type { Points } from "../protocol.ts";
import { activate, byCoordinate, crossEntropy, dense, type Network, predicted } from "./network.ts";
import { type Key, normals } from "./random.ts";

/** Losses of networks on points. */
export interface Evaluator {
  /** Standard normal noise of a candidate. */
  normals(key: Key, member: number, out: Float32Array): void;
  /** Judge the networks whose weights lie one after another; infinite where a loss is no number. */
  judge(candidates: Float32Array, count: number, losses: Float32Array, accuracies: Float32Array): void;
}

/** The evaluator that runs wherever JavaScript does. */
export class PlainEvaluator implements Evaluator {
  private readonly rows: number;
  private readonly inputs: Float32Array;
  private readonly outputs: Float32Array[];
  private readonly sums: Float64Array;

  constructor(private readonly network: Network, private readonly points: Points) {
    this.rows = points.label.length;
    this.inputs = byCoordinate(points);
    this.outputs = network.layers.map((layer) => new Float32Array(layer.outputs * this.rows));
    this.sums = new Float64Array(this.rows);
  }

  normals(key: Key, member: number, out: Float32Array): void {
    normals(key, member, out);
  }

  judge(candidates: Float32Array, count: number, losses: Float32Array, accuracies: Float32Array): void {
    const { size } = this.network;
    for (let i = 0; i < count; i++) {
      const logits = this.logits(candidates.subarray(i * size, (i + 1) * size));
      const { classes, rows } = this;
      let sum = 0, right = 0;
      for (let row = 0; row < rows; row++) {
        const label = this.points.label[row];
        sum += crossEntropy(logits, classes, rows, row, label);
        if (predicted(logits, classes, rows, row) === label) right++;
      }
      losses[i] = Number.isFinite(sum) ? sum / rows : Infinity;
      accuracies[i] = right / rows;
    }
  }

  private get classes(): number {
    return this.network.layers[this.network.layers.length - 1].outputs;
  }

  private logits(weights: Float32Array): Float32Array {
    const { layers, activation } = this.network;
    let values = this.inputs;
    layers.forEach((layer, index) => {
      if (index > 0) activate(activation, values, layer.inputs * this.rows);
      dense(layer, weights, values, this.outputs[index], this.rows, this.sums);
      values = this.outputs[index];
    });
    return values;
  }
}
