// A crowd that learns its own shape. Hansen, "The CMA evolution strategy: a tutorial"
// (arXiv:1604.00772, 2016), with the Cholesky factor of the covariance in the place of its square root
// (Krause, Arbonès and Igel 2016): that turns the path of the step size and keeps its length.
import type { Key } from "./random.ts";
import { type Start, type Strategy, compare } from "./strategy.ts";

/** Weights up to which a matrix of all pairs of them is worth its time. */
export const LARGEST = 400;

export class CMAES implements Strategy {
  readonly judgesCenter = true;
  readonly evaluations: number;
  readonly center: Float32Array;
  private readonly weights: number[]; // of the better half
  private readonly mass: number; // mu_eff
  private readonly rates: { c1: number; cmu: number; cc: number; cs: number; damping: number };
  private readonly covariance: Float64Array; // its lower triangle, row by row of size columns
  private factor: Float64Array; // lower triangle of its Cholesky factor
  private readonly path: Float64Array;
  private readonly pathSigma: Float64Array;
  private readonly noise: Float32Array; // of all candidates
  private readonly steps: Float32Array; // the same times the factor
  private readonly candidates: Float32Array;
  private generation = 0;
  private waited = 0; // generations since the factor was made

  constructor(private readonly start: Start, public sigma: number, readonly population: number) {
    const n = start.network.size;
    if (n > LARGEST) {
      throw new Error(
        `CMA-ES needs a network of at most ${LARGEST} weights, this one has ${n}: take fewer ` +
        "neurons or another strategy",
      );
    }
    if (population < 4) throw new Error(`the population must be 4 or more, got ${population}`);
    this.evaluations = population + 1;
    this.center = start.first.slice();
    const raw = Array.from(
      { length: population >> 1 }, (_, i) => Math.log((population + 1) / 2) - Math.log(i + 1),
    );
    const sum = raw.reduce((a, b) => a + b);
    this.weights = raw.map((weight) => weight / sum);
    const mu = 1 / this.weights.reduce((a, weight) => a + weight * weight, 0);
    this.mass = mu;
    const cs = (mu + 2) / (n + mu + 5);
    const c1 = 2 / ((n + 1.3) ** 2 + mu);
    this.rates = {
      c1, cs,
      cmu: Math.min(1 - c1, (2 * (mu - 2 + 1 / mu)) / ((n + 2) ** 2 + mu)),
      cc: (4 + mu / n) / (n + 4 + (2 * mu) / n),
      damping: 1 + 2 * Math.max(0, Math.sqrt((mu - 1) / (n + 1)) - 1) + cs,
    };
    this.covariance = identity(n);
    this.factor = identity(n);
    this.path = new Float64Array(n);
    this.pathSigma = new Float64Array(n);
    this.noise = new Float32Array(population * n);
    this.steps = new Float32Array(population * n);
    this.candidates = new Float32Array(population * n);
  }

  ask(key: Key): Float32Array {
    const n = this.center.length;
    const { candidates, center, factor, noise, steps } = this;
    for (let member = 0; member < this.population; member++) {
      const at = member * n;
      this.start.evaluator.normals(key, member, noise.subarray(at, at + n));
      for (let i = 0; i < n; i++) {
        let sum = 0;
        for (let j = 0; j <= i; j++) sum += factor[i * n + j] * noise[at + j];
        steps[at + i] = sum;
        candidates[at + i] = center[i] + this.sigma * sum;
      }
    }
    return candidates;
  }

  tell(losses: Float32Array): Uint8Array {
    const order = Array.from(losses.keys()).sort((a, b) => compare(losses[a], losses[b]) || a - b);
    const won = new Uint8Array(this.population);
    if (!Number.isFinite(losses[order[0]])) return won; // nothing was learnt
    for (const member of order.slice(0, this.weights.length)) won[member] = 1;
    this.learn(order);
    this.generation++;
    // The factor may lag behind: the covariance changes slowly (tutorial, section B.2).
    const n = this.center.length;
    if (++this.waited > 1 / (this.rates.c1 + this.rates.cmu) / n / 10) {
      this.factor = cholesky(this.covariance, n) ?? this.factor;
      this.waited = 0;
    }
    return won;
  }

  private learn(order: number[]): void {
    const { c1, cmu, cc, cs, damping } = this.rates;
    const { covariance, path, pathSigma, steps } = this;
    const n = this.center.length;
    let length = 0;
    const mean = new Float64Array(n);
    for (let i = 0; i < n; i++) {
      let z = 0;
      this.weights.forEach((weight, rank) => {
        z += weight * this.noise[order[rank] * n + i];
        mean[i] += weight * steps[order[rank] * n + i];
      });
      this.center[i] += this.sigma * mean[i];
      pathSigma[i] = (1 - cs) * pathSigma[i] + Math.sqrt(cs * (2 - cs) * this.mass) * z;
      length += pathSigma[i] ** 2;
    }
    length = Math.sqrt(length);
    const expected = Math.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n));
    const settled = Math.sqrt(1 - (1 - cs) ** (2 * (this.generation + 1)));
    const moves = length / settled < (1.4 + 2 / (n + 1)) * expected ? 1 : 0;
    for (let i = 0; i < n; i++) {
      path[i] = (1 - cc) * path[i] + moves * Math.sqrt(cc * (2 - cc) * this.mass) * mean[i];
    }
    const kept = 1 - c1 - cmu + (1 - moves) * c1 * cc * (2 - cc);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j <= i; j++) covariance[i * n + j] *= kept;
    }
    add(covariance, n, c1, path, 0);
    this.weights.forEach((weight, rank) => add(covariance, n, cmu * weight, steps, order[rank] * n));
    this.sigma *= Math.exp(Math.min(1, (cs / damping) * (length / expected - 1)));
  }
}

/** Add so much of a vector's outer product to a lower triangle. */
function add(
  matrix: Float64Array, n: number, by: number, vector: ArrayLike<number>, at: number,
): void {
  for (let i = 0; i < n; i++) {
    const scaled = by * vector[at + i];
    for (let j = 0; j <= i; j++) matrix[i * n + j] += scaled * vector[at + j];
  }
}

function identity(n: number): Float64Array {
  const matrix = new Float64Array(n * n);
  for (let i = 0; i < n; i++) matrix[i * n + i] = 1;
  return matrix;
}

/** The Cholesky factor of a symmetric matrix of which the lower triangle is given. */
function cholesky(matrix: Float64Array, n: number): Float64Array | null {
  const factor = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * n + j];
      for (let k = 0; k < j; k++) sum -= factor[i * n + k] * factor[j * n + k];
      if (i > j) factor[i * n + j] = sum / factor[j * n + j];
      else if (sum > 0) factor[i * n + i] = Math.sqrt(sum);
      else return null;
    }
  }
  return factor;
}
