// The two approaches of the chapter: draw everything anew, and change the best a little. Kinsley and
// Kukieła, "Neural Networks from Scratch in Python" (2020), chapter 6.
import { type Start, type Strategy, lowest } from "./strategy.ts";
import type { Key } from "./random.ts";

/** Approach 1: candidates drawn independently around zero; the best one is kept. */
export class RandomSearch implements Strategy {
  readonly judgesCenter = false;
  readonly evaluations: number;
  readonly center: Float32Array;
  private readonly candidates: Float32Array;
  private best = Infinity;

  constructor(private readonly start: Start, readonly sigma: number, readonly population: number) {
    this.evaluations = population;
    this.center = new Float32Array(start.network.size);
    this.candidates = new Float32Array(population * start.network.size);
  }

  ask(key: Key): Float32Array {
    const size = this.center.length;
    for (let i = 0; i < this.population; i++) {
      this.start.evaluator.normals(key, i, this.candidates.subarray(i * size, (i + 1) * size));
    }
    const sigma = Math.fround(this.sigma);
    for (let i = 0; i < this.candidates.length; i++) this.candidates[i] *= sigma;
    return this.candidates;
  }

  tell(losses: Float32Array): Uint8Array {
    const won = new Uint8Array(this.population);
    const winner = lowest(losses);
    if (losses[winner] < this.best) {
      this.best = losses[winner];
      won[winner] = 1;
    }
    return won;
  }
}

const LARGEST_EXPONENT = 16; // of the step: on a plateau it falls to a ten-millionth, not to zero

/**
 * Approach 2: the best so far plus normal noise, kept when the loss falls.
 *
 * Adapted, it is the (1+1) evolution strategy with the 1/5 success rule (Hansen, Arnold and Auger,
 * "Evolution Strategies", 2015, algorithm 4). Several proposals at once are those of the same
 * sequential search, each made as if those before it had failed: the path stays the same.
 */
export class HillClimbing implements Strategy {
  readonly judgesCenter = false;
  readonly evaluations: number;
  readonly center: Float32Array;
  private readonly candidates: Float32Array;
  private readonly noise: Float32Array;
  private best = Infinity;
  private proposals = 0;
  private successes = 0;

  constructor(
    private readonly start: Start, private readonly first: number, readonly population: number,
    private readonly adapt: boolean,
  ) {
    this.evaluations = population;
    this.center = start.first.slice();
    this.noise = new Float32Array(start.network.size);
    this.candidates = new Float32Array(population * start.network.size);
  }

  get sigma(): number {
    return this.stepAfter(this.proposals);
  }

  ask(): Float32Array {
    const size = this.center.length;
    for (let i = 0; i < this.population; i++) {
      const proposal = this.proposals + i;
      // Noise belongs to a proposal, not to the generation in which it is evaluated.
      this.start.evaluator.normals(this.start.key, proposal, this.noise);
      const step = Math.fround(this.stepAfter(proposal));
      for (let j = 0; j < size; j++) {
        this.candidates[i * size + j] = this.center[j] + step * this.noise[j];
      }
    }
    return this.candidates;
  }

  tell(losses: Float32Array): Uint8Array {
    const won = new Uint8Array(this.population);
    const first = losses.findIndex((loss) => loss < this.best);
    if (first < 0) {
      this.proposals += this.population;
      return won;
    }
    const size = this.center.length;
    this.center.set(this.candidates.subarray(first * size, (first + 1) * size));
    this.best = losses[first];
    this.proposals += first + 1;
    this.successes += 1;
    won[first] = 1;
    return won;
  }

  /** Counting successes gives the same step however the search is cut into generations. */
  private stepAfter(proposals: number): number {
    if (!this.adapt) return this.first;
    const damping = Math.sqrt(this.center.length + 1);
    const exponent = (5 * this.successes - proposals) / (5 * damping);
    return this.first * Math.exp(Math.max(-LARGEST_EXPONENT, Math.min(LARGEST_EXPONENT, exponent)));
  }
}
