// What the page sees of a search that does ten thousand generations between two pictures: some of its
// candidates, and a curve thinned to what can be drawn.
import type { Candidate, State } from "../protocol.ts";
import { compare } from "./strategy.ts";

const CANDIDATES = 24;
const POINTS = 256; // of the history between two states

/** The candidates of the last generation, or of the last ones where a generation is a single one. */
export class Shown {
  private readonly kept: number;
  private readonly ring: Float32Array; // of single candidates
  private candidates: Float32Array;
  private losses: Float32Array;
  private won: Uint8Array;
  private count = 0; // of candidates so far

  constructor(private readonly population: number, private readonly size: number) {
    // A single candidate is no crowd to look at.
    this.kept = population === 1 ? CANDIDATES : population;
    this.ring = new Float32Array(population === 1 ? CANDIDATES * size : 0);
    this.candidates = this.ring;
    this.losses = new Float32Array(this.kept);
    this.won = new Uint8Array(this.kept);
  }

  /** Take a generation in; its arrays stay the caller's. */
  take(candidates: Float32Array, losses: Float32Array, won: Uint8Array): void {
    if (this.population === 1) {
      const at = this.count % CANDIDATES;
      this.ring.set(candidates, at * this.size);
      this.losses[at] = losses[0];
      this.won[at] = won[0];
    } else {
      this.candidates = candidates;
      this.losses = losses;
      this.won = won;
    }
    this.count += this.population;
  }

  /** The best of them, best first. */
  best(): Candidate[] {
    const indices = Array.from({ length: Math.min(this.count, this.kept) }, (_, i) => i);
    indices.sort((a, b) => compare(this.losses[a], this.losses[b]));
    return indices.slice(0, CANDIDATES).map((i) => ({
      weights: this.candidates.slice(i * this.size, (i + 1) * this.size),
      loss: this.losses[i],
      won: this.won[i] === 1,
    }));
  }
}

type Point = State["history"][number];

/** A curve since it was taken last: every improvement, and of the rest a few. */
export class History {
  private points: Point[] = [];
  private stride = 1; // generations from one point to the next
  private waited = 0;
  private latest: (() => Point) | null = null; // not yet among the points

  /** Add a generation; the point is made only if it is kept. */
  add(improved: boolean, point: () => Point): void {
    this.waited += 1;
    this.latest = point;
    if (!improved && this.waited < this.stride) return;
    this.points.push(point());
    this.latest = null;
    this.waited = 0;
    if (this.points.length > POINTS) {
      this.points = this.points.filter((_, i) => i % 2 === 0 || i === this.points.length - 1);
      this.stride *= 2;
    }
  }

  /** The points, the last generation among them. */
  take(): Point[] {
    const points = this.latest ? [...this.points, this.latest()] : this.points;
    this.points = [];
    this.latest = null;
    this.waited = 0;
    this.stride = Math.max(1, this.stride >> 1);
    return points;
  }
}
