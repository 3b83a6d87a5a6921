// What runs: the view, one search or two that race, and the clock that drives them.
import { isReady, settingsOf } from "./choices.ts";
import { write, type Choice, type View } from "./address.ts";
import { Runner } from "./runner.ts";

const AHEAD = 1.02; // of two that race, how far one may be in front
const CRAMMED = 40; // milliseconds of computing between two states at most

export class App {
  playing = false;
  side: "a" | "b" = "a"; // which of two is set and looked at
  a = new Runner((runner) => this.heard(runner));
  b: Runner | null = null;
  private credit = 0; // generations that are due
  private lastTick = 0;
  private writing = 0;

  constructor(
    public view: View,
    private changed: (what: "view" | "state" | "playing") => void,
  ) {}

  get choice(): Choice {
    return this.side === "b" && this.view.rival ? this.view.rival : this.view.choice;
  }

  get runner(): Runner {
    return this.side === "b" && this.b ? this.b : this.a;
  }

  get runners(): Runner[] {
    return this.b ? [this.a, this.b] : [this.a];
  }

  choiceOf(runner: Runner): Choice {
    return runner === this.b && this.view.rival ? this.view.rival : this.view.choice;
  }

  /** Show another view altogether, from its beginning. */
  open(view: View, play: boolean): void {
    this.view = view;
    this.side = "a";
    this.matchRival();
    this.reset();
    this.changed("view");
    this.play(play);
  }

  /** Set the side that is looked at; data are the same for both. */
  choose(choice: Choice): void {
    const { data, samples, noise, points } = choice;
    const both = (other: Choice): Choice => ({ ...other, data, samples, noise, points });
    if (this.side === "b" && this.view.rival) {
      this.view.rival = choice;
      this.view.choice = both(this.view.choice);
    } else {
      this.view.choice = choice;
      if (this.view.rival) this.view.rival = both(this.view.rival);
    }
    this.view.until = 0;
    this.matchRival();
    this.reset();
    this.changed("view");
    this.remember();
  }

  race(rival: Choice | null): void {
    this.view.rival = rival;
    this.side = rival ? "b" : "a";
    this.matchRival();
    this.reset();
    this.changed("view");
    this.remember();
  }

  reset(): void {
    this.credit = 0;
    for (const runner of this.runners) {
      const choice = this.choiceOf(runner);
      if (isReady(this.view.choice)) runner.reset(settingsOf(choice, this.view.choice));
      else runner.clear();
    }
    this.changed("state");
  }

  play(playing: boolean): void {
    this.playing = playing && isReady(this.view.choice);
    this.credit = 0;
    this.lastTick = performance.now();
    this.changed("playing");
    if (this.playing) this.tick(this.lastTick);
  }

  /** One generation. */
  one(): void {
    if (this.playing) this.play(false);
    for (const runner of this.runners) runner.step(1, 1000);
  }

  /** Once a frame. */
  tick(now: number): void {
    if (!this.playing) return;
    if (this.view.speed !== "full") {
      const rate = Number(this.view.speed);
      this.credit = Math.min(this.credit + ((now - this.lastTick) / 1000) * rate, rate / 4 + 1);
      this.lastTick = now;
    }
    this.drive();
  }

  /** Ask for what is due. */
  private drive(): void {
    if (document.hidden) return; // goes on with the next frame that is shown
    const { until } = this.view;
    if (until && this.runners.every((one) => (one.state?.evaluations ?? 0) >= until)) {
      this.play(false);
      return;
    }
    const full = this.view.speed === "full";
    const due = full ? 1_000_000 : Math.floor(this.credit);
    if (due < 1) return;
    const asked = this.runners.filter((one) => !one.busy && this.mayGoOn(one));
    if (!asked.length || (!full && this.runners.some((one) => one.busy))) return;
    for (const runner of asked) runner.step(due, full ? undefined : CRAMMED);
    if (!full) this.credit -= due;
  }

  /** Those that race are given the same number of networks. */
  private mayGoOn(runner: Runner): boolean {
    const done = runner.state?.evaluations ?? 0;
    if (this.view.until && done >= this.view.until) return false;
    const other = this.runners.find((one) => one !== runner);
    if (!other || other.error) return true;
    return done <= (other.state?.evaluations ?? 0) * AHEAD + 1;
  }

  private heard(runner: Runner): void {
    if (runner.error) this.play(false);
    // At full speed the next request goes out at once, so that the search never waits for a frame.
    if (this.playing && this.view.speed === "full") this.drive();
    this.changed("state");
  }

  private matchRival(): void {
    if (this.view.rival && !this.b) this.b = new Runner((runner) => this.heard(runner));
    if (!this.view.rival && this.b) {
      this.b.end();
      this.b = null;
    }
  }

  /** Keep the view in the address, a moment later: browsers allow few changes a second. */
  remember(): void {
    clearTimeout(this.writing);
    this.writing = window.setTimeout(() => {
      history.replaceState(null, "", write(this.view));
    }, 150);
  }
}
