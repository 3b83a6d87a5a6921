// Adam's rule from a gradient to a step. Kingma and Ba, "Adam: A Method for Stochastic Optimization"
// (2015), algorithm 1, with its default rates.

const KEPT = 0.9, KEPT_SQUARED = 0.999, EPSILON = 1e-8;

export class Adam {
  private readonly mean: Float32Array;
  private readonly square: Float32Array;
  private readonly step: Float32Array;
  private steps = 0;

  constructor(size: number) {
    this.mean = new Float32Array(size);
    this.square = new Float32Array(size);
    this.step = new Float32Array(size);
  }

  /** What to subtract, before it is multiplied by the learning rate. */
  update(gradient: Float32Array): Float32Array {
    this.steps += 1;
    const ofMean = 1 - KEPT ** this.steps, ofSquare = 1 - KEPT_SQUARED ** this.steps;
    for (let i = 0; i < gradient.length; i++) {
      const slope = gradient[i];
      this.mean[i] = KEPT * this.mean[i] + (1 - KEPT) * slope;
      this.square[i] = KEPT_SQUARED * this.square[i] + (1 - KEPT_SQUARED) * slope * slope;
      this.step[i] = this.mean[i] / ofMean / (Math.sqrt(this.square[i] / ofSquare) + EPSILON);
    }
    return this.step;
  }
}
