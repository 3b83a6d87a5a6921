// A search: generations of a strategy, the best network so far, and what the page is told of it.
import type { Points, Settings, State } from "../protocol.ts";
import type { Evaluator } from "./evaluator.ts";
import { firstWeights } from "./first_weights.ts";
import { type Network, networkOf } from "./network.ts";
import { type Key, foldIn, generationKeys, keyOf } from "./random.ts";
import { History, Shown } from "./shown.ts";
import { made } from "./strategies.ts";
import { type Strategy, lowest } from "./strategy.ts";

const LOOK = 2; // milliseconds between two looks at the clock, about

/** What judges networks on the points of the settings. */
export type MakeEvaluator = (network: Network, points: Points) => Evaluator;

export class Search {
  private readonly network: Network;
  private readonly evaluator: Evaluator;
  private readonly strategy: Strategy;
  private readonly key: Key;
  private readonly rows: number;
  private readonly losses: Float32Array;
  private readonly accuracies: Float32Array;
  private readonly one = { loss: new Float32Array(1), accuracy: new Float32Array(1) };
  private readonly shown: Shown;
  private readonly history = new History();
  private readonly best: Float32Array;
  private bestLoss = Infinity; // any candidate with a finite loss is better than none
  private loss: number; // of the best one as it is shown, that of the first weights at first
  private accuracy: number;
  private generation = 0;
  private evaluations = 0;
  private seconds = 0;
  private improvements: State["improvements"] = [];

  /** Without weights to begin with, those that the seed says. */
  constructor(settings: Settings, makeEvaluator: MakeEvaluator, first?: Float32Array) {
    check(settings);
    this.network = networkOf(settings.hidden, settings.classes, settings.activation);
    this.evaluator = makeEvaluator(this.network, settings.points);
    this.rows = settings.points.label.length;
    this.key = keyOf(settings.seed);
    this.best = first?.slice() ?? firstWeights(this.network, settings.seed);
    this.strategy = made(settings.strategy, settings.numbers, {
      network: this.network,
      points: settings.points,
      evaluator: this.evaluator,
      first: this.best.slice(),
      key: foldIn(this.key, 0),
    });
    this.losses = new Float32Array(this.strategy.population);
    this.accuracies = new Float32Array(this.strategy.population);
    this.shown = new Shown(this.strategy.population, this.network.size);
    [this.loss, this.accuracy] = this.judge(this.best);
  }

  /** Search for so many generations or milliseconds, whichever ends first; one at least. */
  step(generations: number, milliseconds: number): void {
    const begun = performance.now();
    let looked = begun;
    // The clock is looked at every few milliseconds: a generation may take a hundredth of one.
    for (let done = 0, until = 0, between = 1; done < generations; done++) {
      this.advance();
      if (done < until) continue;
      const now = performance.now();
      if (now - begun >= milliseconds) break;
      between = Math.max(1, now - looked < LOOK / 2 ? 2 * between : between >> 1);
      looked = now;
      until = done + between;
    }
    this.seconds += (performance.now() - begun) / 1000;
  }

  /** Where the search is, and what happened since it was asked last. */
  state(): State {
    const { improvements } = this;
    this.improvements = [];
    return {
      generation: this.generation,
      evaluations: this.evaluations,
      passes: this.passes,
      seconds: this.seconds,
      best: this.best.slice(),
      loss: this.loss,
      accuracy: this.accuracy,
      center: this.strategy.center.slice(),
      sigma: this.strategy.sigma,
      candidates: this.shown.best(),
      history: this.history.take(),
      improvements,
    };
  }

  private get passes(): number {
    return this.evaluations * this.rows;
  }

  /** One generation. */
  private advance(): void {
    const { strategy, losses, accuracies } = this;
    const keys = generationKeys(this.key, this.generation);
    const candidates = strategy.ask(keys.ask);
    this.evaluator.judge(candidates, strategy.population, losses, accuracies);
    const at = lowest(losses);
    let improved = this.better(losses[at], accuracies[at], this.evaluations + at, () =>
      candidates.subarray(at * this.network.size, (at + 1) * this.network.size),
    );
    const won = strategy.tell(losses, keys.tell);
    this.shown.take(candidates, losses, won);
    this.generation += 1;
    this.evaluations += strategy.evaluations;
    if (strategy.judgesCenter) {
      const [loss, accuracy] = this.judge(strategy.center);
      if (this.better(loss, accuracy, this.evaluations - 1, () => strategy.center)) improved = true;
    }
    const { evaluations, passes, loss, accuracy } = this;
    this.history.add(improved, () => ({
      evaluations, passes, loss, accuracy, sigma: strategy.sigma,
    }));
  }

  private judge(weights: Float32Array): [number, number] {
    this.evaluator.judge(weights, 1, this.one.loss, this.one.accuracy);
    return [this.one.loss[0], this.one.accuracy[0]];
  }

  /** Take a network if it is better than the best so far. */
  private better(
    loss: number, accuracy: number, iteration: number, weights: () => Float32Array,
  ): boolean {
    if (!(loss < this.bestLoss)) return false;
    this.bestLoss = this.loss = loss;
    this.accuracy = accuracy;
    this.best.set(weights());
    this.improvements.push({ iteration, loss, accuracy });
    return true;
  }
}

function check(settings: Settings): void {
  const { points, classes, hidden, seed } = settings;
  const rows = points.label.length;
  if (rows < 1 || points.x.length !== 2 * rows) {
    throw new Error(`there must be 1 point or more, got ${rows} classes of ${points.x.length / 2}`);
  }
  if (!points.x.every(Number.isFinite)) {
    throw new Error("coordinates of points must be numbers, got one that is none; leave it out");
  }
  if (!points.label.every((label) => label >= 0 && label < classes)) {
    throw new Error(`classes of points must be from 0 to ${classes - 1}, got another one`);
  }
  if (!hidden.every((neurons) => Number.isInteger(neurons) && neurons >= 1)) {
    throw new Error(`a layer must have 1 neuron or more, got ${hidden.join(", ")}`);
  }
  if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32) {
    throw new Error(`the seed must be a whole number from 0 to 2**32 - 1, got ${seed}`);
  }
}
