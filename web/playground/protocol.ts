// What the page says to an engine and what it hears, the same for the worker in the browser and for
// gradless itself on this machine: reset, step, state. All of it can be sent by postMessage; as JSON,
// arrays of numbers stand for typed arrays.

/** Points in the plane, each of a class 0, 1, 2, ... */
export interface Points {
  x: Float32Array; // (2 * rows): x0, y0, x1, y1, ...
  label: Int32Array; // (rows)
}

export type Activation = "relu" | "tanh" | "sign" | "step";

/** What is trained, on what, and how. */
export interface Settings {
  points: Points;
  classes: number;
  hidden: number[]; // neurons of each hidden layer; may be empty
  activation: Activation;
  strategy: string; // a name that strategies.ts lists, such as "hill_climbing"
  numbers: Record<string, number>; // its parameters, such as { sigma: 0.05, population: 64 }
  seed: number;
}

export type ToEngine =
  | { kind: "reset"; settings: Settings }
  // Search on for at most so many generations and so many milliseconds, and tell the state.
  | { kind: "step"; generations: number; milliseconds: number };

export type FromEngine = { kind: "state"; state: State } | { kind: "error"; message: string };

/** A network of a generation. */
export interface Candidate {
  weights: Float32Array;
  loss: number;
  won: boolean; // became the best, was accepted or has a share in the next center
}

/** Where a search is. Weights are, layer by layer, W row by row (inputs x outputs), then b. */
export interface State {
  generation: number;
  evaluations: number; // networks tried; a step of gradient descent counts as 3
  passes: number; // samples that went forward through a network
  seconds: number; // of computing, without waiting
  best: Float32Array; // weights of the best network
  loss: number; // its mean cross-entropy
  accuracy: number; // its share of points recognised, 0 to 1
  center: Float32Array; // around which the next candidates are drawn
  sigma: number; // how far they are drawn: a standard deviation
  candidates: Candidate[]; // of the last generation, best first, 24 at most
  // Since the last state: loss and accuracy of the best network, and the step size.
  history: { evaluations: number; passes: number; loss: number; accuracy: number; sigma: number }[];
  // Since the last state: when a better network was found.
  improvements: { iteration: number; loss: number; accuracy: number }[];
}
