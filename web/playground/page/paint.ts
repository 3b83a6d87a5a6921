// Everything that is drawn, each as often as an eye can follow, and the same in words.
import type { Choice } from "./address.ts";
import type { App } from "./app.ts";
import { drawBoundary, windowOf } from "./boundary.ts";
import { ACCURACY, drawChart, LOSS, STEP, type Line } from "./chart.ts";
import { classes, isReady, nameOf, pointsOf, shapeOf } from "./choices.ts";
import { Cloud } from "./cloud.ts";
import { diagnose } from "./diagnosis.ts";
import { byId, canvas, say } from "./dom.ts";
import { colors, few, whole } from "./look.ts";
import { parameters } from "./network.ts";
import type { Runner } from "./runner.ts";
import { drawStrip, stripInWords } from "./strip.ts";
import { drawWiring } from "./wiring.ts";

const SLOW = 160; // milliseconds between two drawings of what is read rather than watched
const PLANE = 30; // and of the large picture
const SLICE_WORK = 2; // milliseconds a frame for the slice of the landscape
const LINES = 60;

export const percent = (share: number) => `${(100 * share).toFixed(share > 0.995 && share < 1 ? 1 : 0)} %`;

export class Paint {
  private cloud: Cloud | null = null;
  private cloudOf = "";
  private followed: unknown = null;
  private seen = new Map<Runner, unknown>();
  private dirty = true;
  private planeAt = 0;
  private slowAt = 0;
  private pending = true; // something to read has changed
  private logged = -1;
  private loggedOf: Runner | null = null;
  asking = false; // the quiz asks what the verdict would say
  cursor: [number, number] | null = null; // of who draws with the keyboard

  constructor(private app: App) {}

  /** Draw everything anew at the next frame. */
  all(): void {
    this.dirty = true;
    this.slowAt = 0;
  }

  /** The run has begun again. */
  begin(): void {
    this.cloudOf = "";
    this.logged = -1;
    this.all();
  }

  frame(now: number): void {
    const { app } = this;
    const news = app.runners.some((runner) => this.seen.get(runner) !== runner.state);
    if (this.dirty || (news && now - this.planeAt > PLANE)) {
      for (const runner of app.runners) this.seen.set(runner, runner.state);
      this.planeAt = now;
      this.boundaries();
    }
    this.follow();
    this.pending ||= news || this.dirty;
    if (this.pending && now - this.slowAt > SLOW) {
      this.slowAt = now;
      this.slow();
      this.pending = false;
    }
    this.dirty = false;
  }

  private boundaries(): void {
    const { app } = this;
    const points = pointsOf(app.view.choice);
    const view = app.view.choice.data === "drawn" ? { left: -1, bottom: -1, size: 2 } : windowOf(points);
    const targets = ["boundary", "boundary-b"];
    app.runners.forEach((runner, index) => {
      const shape = this.shape(runner);
      const best = runner.state?.best ?? null;
      const fits = best !== null && best.length === parameters(shape) && isReady(app.view.choice);
      drawBoundary(canvas(targets[index]), shape, fits ? best : null, points, view, !app.playing);
    });
    if (this.cursor) this.drawCursor(view);
  }

  private drawCursor(view: { left: number; bottom: number; size: number }): void {
    const on = canvas("boundary");
    const context = on.getContext("2d")!;
    const side = Math.min(on.clientWidth, on.clientHeight);
    const x = ((this.cursor![0] - view.left) / view.size) * side;
    const y = (1 - (this.cursor![1] - view.bottom) / view.size) * side;
    context.strokeStyle = colors().ink;
    context.lineWidth = 2;
    context.beginPath();
    for (const [dx, dy] of [[10, 0], [0, 10]]) {
      context.moveTo(x - dx, y - dy);
      context.lineTo(x + dx, y + dy);
    }
    context.stroke();
  }

  shape(runner: Runner) {
    const choice = this.app.choiceOf(runner);
    const shape = shapeOf(choice);
    shape.sizes[shape.sizes.length - 1] = classes(this.app.view.choice);
    return shape;
  }

  /** The cloud moves with every state; its slice is computed a little in every frame. */
  private follow(): void {
    const { app } = this;
    const { runner } = app;
    const { state } = runner;
    const shape = this.shape(runner);
    const key = `${app.side} ${shape.sizes} ${shape.activation}`;
    if (!state || !state.center.length || state.center.length !== parameters(shape)) return;
    if (!this.cloud || this.cloudOf !== key) {
      this.cloud = new Cloud(shape, pointsOf(app.view.choice));
      this.cloudOf = key;
    }
    const news = this.followed !== state;
    if (news) this.cloud.follow(state);
    this.followed = state;
    if (this.cloud.isBehind(state)) this.cloud.work(state, SLICE_WORK);
    this.cloud.draw(canvas("cloud"), state);
  }

  private lines(): Line[] {
    const { app } = this;
    const look = colors();
    return app.runners.map((runner, index) => ({
      rows: runner.record.rows,
      last: runner.last,
      color: index ? look.orange : look.blue,
      dashed: index > 0,
      name: nameOf(app.choiceOf(runner), app.view.rival),
    }));
  }

  private slow(): void {
    const { app } = this;
    const { runner } = app;
    const { state } = runner;
    const lines = this.lines();
    drawChart(canvas("chart-loss"), lines, LOSS, app.view.axis, false);
    drawChart(canvas("chart-accuracy"), lines, ACCURACY, app.view.axis, false);
    drawChart(canvas("chart-step"), lines, STEP, app.view.axis, true);
    const shape = this.shape(runner);
    const points = pointsOf(app.view.choice);
    const fits = state && state.best.length === parameters(shape);
    if (fits) drawWiring(canvas("wiring"), shape, state.best);
    const view = app.view.choice.data === "drawn" ? { left: -1, bottom: -1, size: 2 } : windowOf(points);
    drawStrip(canvas("strip"), fits ? state.candidates : [], shape, view);
    this.words();
  }

  private words(): void {
    const { app } = this;
    const { runner, choice } = app;
    this.headline();
    const finding = app.runners.length === 1 ? diagnose(runner, choice) : null;
    const verdict = byId("verdict");
    const text = this.asking ? "" : (finding?.text ?? this.raceInWords());
    say(verdict, runner.error ?? text);
    verdict.dataset.kind = runner.error ? "error" : (finding?.kind ?? "race");
    app.runners.forEach((one, index) => {
      if (app.view.rival) this.caption(one, index);
      const at = index ? "boundary-b" : "boundary";
      canvas(at).setAttribute("aria-label", this.pictureInWords(one, app.choiceOf(one)));
    });
    const { state } = runner;
    canvas("strip").setAttribute("aria-label", stripInWords(state?.candidates ?? []));
    const row = runner.last;
    if (row && state) {
      canvas("chart-loss").setAttribute("aria-label", `Loss of the best network so far: ${few(row.loss)}`);
      canvas("chart-accuracy").setAttribute("aria-label", `Accuracy so far: ${percent(row.accuracy)}`);
      canvas("chart-step").setAttribute("aria-label", `Step size: ${few(row.sigma)}`);
      canvas("cloud").setAttribute(
        "aria-label",
        `${state.candidates.length} candidates around the center, step size ${few(state.sigma)}, over a slice of the loss landscape`,
      );
    }
    canvas("wiring").setAttribute(
      "aria-label",
      `The best network: layers of ${this.shape(runner).sizes.join(", ")} neurons, ${parameters(this.shape(runner))} weights`,
    );
    this.log(runner);
  }

  private headline(): void {
    const { app } = this;
    const { state } = app.runner;
    let [share, reached] = ["", ""];
    if (!isReady(app.view.choice)) reached = "Draw points of two classes or more to begin.";
    else if (!state) reached = "The search begins.";
    else {
      share = percent(state.accuracy);
      const tried = state.evaluations
        ? `after ${whole(state.evaluations)} networks`
        : "before the first network is tried";
      reached = `of the points right, loss ${few(state.loss)}, ${tried}`;
    }
    say(byId("share"), share);
    say(byId("reached"), reached);
  }

  private caption(runner: Runner, index: number): void {
    const { choice, rival } = this.app.view;
    const name = index ? nameOf(rival!, choice) : nameOf(choice, rival);
    say(byId(index ? "name-b" : "name-a"), runner.last ? `${name}: ${percent(runner.last.accuracy)}` : name);
  }

  private raceInWords(): string {
    const [a, b] = this.app.runners;
    if (!a.last || !b?.last) return "";
    const { choice, rival } = this.app.view;
    const ahead = a.last.loss < b.last.loss ? choice : rival!;
    const other = ahead === choice ? rival! : choice;
    const lead = Math.abs(a.last.loss - b.last.loss);
    return lead < 1e-6 ? "Level so far." : `${nameOf(ahead, other)} is ahead by ${few(lead)} of loss.`;
  }

  private pictureInWords(runner: Runner, choice: Choice): string {
    const rows = pointsOf(this.app.view.choice).label.length;
    const what = `${whole(rows)} points of ${classes(this.app.view.choice)} classes`;
    const { state } = runner;
    if (!state || !state.evaluations) return `${what}, before the search`;
    return `${what} and what the best network of ${nameOf(choice, this.app.view.rival)} decides where: ${percent(state.accuracy)} of the points right`;
  }

  private log(runner: Runner): void {
    if (this.logged === runner.found && this.loggedOf === runner) return;
    this.logged = runner.found;
    this.loggedOf = runner;
    const where = byId("log");
    const atEnd = where.scrollTop + where.clientHeight >= where.scrollHeight - 4;
    where.textContent = runner.log.slice(-LINES).map(line).join("\n") || "None found yet.";
    if (atEnd) where.scrollTop = where.scrollHeight;
  }
}

/** As the chapter prints it. */
const line = ({ iteration, loss, accuracy }: { iteration: number; loss: number; accuracy: number }) =>
  `New set of weights found, iteration: ${iteration} loss: ${loss.toPrecision(5)} acc: ${accuracy.toFixed(3)}`;
