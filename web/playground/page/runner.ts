// A search in its worker: what is asked of it, what it has told, and when to ask again.
import type { FromEngine, Settings, State, ToEngine } from "../protocol.ts";
import { Record, type Row } from "./chart.ts";

export type Improvement = State["improvements"][number];

const MOST_SNAPSHOTS = 96;
const LINES_KEPT = 200;
const SLICE = 14; // milliseconds of computing between two states

/** The best network at some time of a run, for the film. */
export interface Snapshot {
  evaluations: number;
  loss: number;
  accuracy: number;
  weights: Float32Array;
}

export class Runner {
  state: State | null = null;
  record = new Record();
  log: Improvement[] = [];
  found = 0; // improvements, those that have left the log included
  snapshots: Snapshot[] = [];
  improvedAt = 0; // evaluations
  error: string | null = null;
  private worker: Worker;
  private epoch = 0;
  private asked: number[] = []; // epochs of what is to be answered, in order
  private snapshotEvery = 1;
  private statesSeen = 0;
  private ended = false;

  constructor(private heard: (runner: Runner) => void) {
    this.worker = new Worker("worker.js", { type: "module" });
    this.worker.onmessage = (event: MessageEvent<FromEngine>) => this.hear(event.data);
    this.worker.onerror = () => this.fail("The search has stopped; reload the page.");
  }

  get busy(): boolean {
    return this.asked.length > 0;
  }

  /** Begin again, with other settings. */
  reset(settings: Settings): void {
    this.clear();
    this.send({ kind: "reset", settings });
  }

  /** Forget the run. */
  clear(): void {
    this.epoch += 1;
    this.state = null;
    this.record = new Record();
    this.log = [];
    this.found = 0;
    this.snapshots = [];
    this.snapshotEvery = 1;
    this.statesSeen = 0;
    this.improvedAt = 0;
    this.error = null;
  }

  /** Search on for so many generations, as far as a moment allows. */
  step(generations: number, milliseconds = SLICE): void {
    if (!this.busy && this.state && !this.error) this.send({ kind: "step", generations, milliseconds });
  }

  end(): void {
    this.ended = true;
    this.worker.terminate();
  }

  /** Where the run is, as a row of its record. */
  get last(): Row | null {
    return this.state && this.state.evaluations ? this.state : null;
  }

  private send(message: ToEngine): void {
    this.asked.push(this.epoch);
    this.worker.postMessage(message);
  }

  private hear(message: FromEngine): void {
    if (this.ended || this.asked.shift() !== this.epoch) return; // of settings that are gone
    if (message.kind === "error") return this.fail(message.message);
    const { state } = message;
    this.state = state;
    this.record.add(state.history);
    if (state.improvements.length) {
      this.found += state.improvements.length;
      this.log = [...this.log, ...state.improvements].slice(-LINES_KEPT);
      this.improvedAt = state.evaluations;
    }
    this.remember(state);
    this.heard(this);
  }

  private fail(message: string): void {
    this.error = message;
    this.heard(this);
  }

  /** Keep networks at even distances, ever larger ones as the run goes on. */
  private remember(state: State): void {
    if (!Number.isFinite(state.loss) || this.statesSeen++ % this.snapshotEvery) return;
    const { evaluations, loss, accuracy, best } = state;
    this.snapshots.push({ evaluations, loss, accuracy, weights: best.slice() });
    if (this.snapshots.length > MOST_SNAPSHOTS) {
      this.snapshots = this.snapshots.filter((_, index) => index % 2 === 0);
      this.snapshotEvery *= 2;
    }
  }
}
