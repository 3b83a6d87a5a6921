// What a strategy is to the search that runs it: it asks for the losses of candidates, and is told.
import type { Points } from "../protocol.ts";
import type { Evaluator } from "./evaluator.ts";
import type { Network } from "./network.ts";
import type { Key } from "./random.ts";

export interface Strategy {
  readonly population: number; // candidates of a generation
  readonly evaluations: number; // what a generation counts as
  /** Whether the center is a network of its own, which is evaluated after each generation. */
  readonly judgesCenter: boolean;
  /** Where the next candidates are drawn. */
  readonly center: Float32Array;
  /** How far from it: a standard deviation. */
  readonly sigma: number;
  /** The next candidates, one after another; they stay as they are until the next call. */
  ask(key: Key): Float32Array;
  /** Take their losses in, and say which of them won (1) and which did not (0). */
  tell(losses: Float32Array, key: Key): Uint8Array;
}

/** What a strategy is made of. */
export interface Start {
  network: Network;
  points: Points;
  evaluator: Evaluator;
  first: Float32Array; // weights to begin with
  key: Key; // for what it draws before the first generation
}

/** Index of the lowest number, the first of equal ones. */
export function lowest(numbers: Float32Array): number {
  let at = 0;
  for (let i = 1; i < numbers.length; i++) if (numbers[i] < numbers[at]) at = i;
  return at;
}

/** Order of two losses; of infinite ones, whose difference is no number, none comes first. */
export function compare(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
