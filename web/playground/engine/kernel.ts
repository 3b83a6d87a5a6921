// The evaluator in WebAssembly, where there is SIMD: the same as evaluator.ts to rounding, and many
// times as fast. Everything it needs is written once into the memory of an instance of its own.
import type { Activation, Points } from "../protocol.ts";
import type { Evaluator } from "./evaluator.ts";
import { type Network, byCoordinate } from "./network.ts";
import { type Key, noiseKey } from "./random.ts";

/** What ../kernel/kernel.ts exports. */
interface Kernel {
  memory: WebAssembly.Memory;
  plan(
    samples: number, depth: number, widest: number, outputs: number, kind: number, weights: number,
    population: number,
  ): void;
  paddedRows(): number;
  inputsAt(): number;
  hotAt(): number;
  countedAt(): number;
  sizesAt(): number;
  candidatesAt(): number;
  lossesAt(): number;
  noiseAt(): number;
  judge(count: number): void;
  normals(k0: number, k1: number, member: number, count: number): void;
}

const KINDS: Record<Activation, number> = { relu: 0, tanh: 1, sign: 2, step: 3 };
const AT_ONCE = 64; // candidates judged in one call

export class KernelEvaluator implements Evaluator {
  private readonly kernel: Kernel;
  private readonly candidates: Float32Array;
  private readonly found: Float32Array; // losses, and behind them accuracies
  private readonly noise: Float32Array;

  /** Throws where the module does not run. */
  constructor(module: WebAssembly.Module, private readonly network: Network, points: Points) {
    const kernel = new WebAssembly.Instance(module).exports as unknown as Kernel;
    this.kernel = kernel;
    const { layers, size } = network;
    const sizes = [layers[0].inputs, ...layers.map((layer) => layer.outputs)];
    const rows = points.label.length, classes = sizes[sizes.length - 1];
    kernel.plan(
      rows, layers.length, Math.max(...sizes), classes, KINDS[network.activation], size, AT_ONCE,
    );
    // After that, the memory grows no more, so that these views last.
    const numbers = (at: number, count: number) =>
      new Float32Array(kernel.memory.buffer, at, count);
    const padded = kernel.paddedRows();
    const turned = byCoordinate(points);
    numbers(kernel.inputsAt(), padded).set(turned.subarray(0, rows));
    numbers(kernel.inputsAt() + 4 * padded, padded).set(turned.subarray(rows));
    const hot = numbers(kernel.hotAt(), classes * padded);
    points.label.forEach((label, row) => { hot[label * padded + row] = 1; });
    numbers(kernel.countedAt(), padded).fill(1, 0, rows);
    new Int32Array(kernel.memory.buffer, kernel.sizesAt(), sizes.length).set(sizes);
    this.candidates = numbers(kernel.candidatesAt(), AT_ONCE * size);
    this.found = numbers(kernel.lossesAt(), 2 * AT_ONCE);
    // Two parts of whole vectors.
    this.noise = numbers(kernel.noiseAt(), size + 8);
  }

  normals(key: Key, member: number, out: Float32Array): void {
    const count = out.length, half = Math.ceil(count / 2);
    const [k0, k1] = noiseKey(key);
    this.kernel.normals(k0, k1, member, count);
    const behind = 4 * Math.ceil(half / 4);
    for (let i = 0; i < half; i++) out[i] = this.noise[i];
    for (let i = half; i < count; i++) out[i] = this.noise[behind + i - half];
  }

  judge(candidates: Float32Array, count: number, losses: Float32Array, accuracies: Float32Array): void {
    const { size } = this.network;
    for (let first = 0; first < count; first += AT_ONCE) {
      const some = Math.min(AT_ONCE, count - first);
      this.candidates.set(candidates.subarray(first * size, (first + some) * size));
      this.kernel.judge(some);
      for (let i = 0; i < some; i++) {
        losses[first + i] = this.found[i];
        accuracies[first + i] = this.found[some + i];
      }
    }
  }
}
