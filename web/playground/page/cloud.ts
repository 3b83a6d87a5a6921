// Candidates around the center, in two directions of weight space over a slice of the losses.
//
// Across: the way the center has moved of late. Up: a random direction, the same for the whole run.
import type { Points, State } from "../protocol.ts";
import { colors, FONT, sheet, type Rgb } from "./look.ts";
import { crossEntropy, parameters, type Shape } from "./network.ts";

const CELLS = 15;
const FINE = 120; // pixels of the picture made of them
const LEVELS = 9;
const BEYOND = 1.5; // how much larger the slice is than what is seen of it
const MOST_POINTS = 90; // of the data, for the slice
const TRAIL = 40;

function normal(): number {
  return Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

function normalised(vector: Float32Array): Float32Array {
  const length = Math.sqrt(dot(vector, vector)) || 1;
  return vector.map((value) => value / length);
}

/** What is left of a vector without its part along a direction of length 1. */
function without(vector: Float32Array, direction: Float32Array): Float32Array {
  const along = dot(vector, direction);
  return vector.map((value, i) => value - along * direction[i]);
}

/** Where a slice lies: its middle, its two directions, and how far it reaches along them. */
interface Frame {
  center: Float32Array;
  across: Float32Array;
  up: Float32Array;
  reach: number;
}

export class Cloud {
  private random: Float32Array;
  private before: Float32Array | null = null;
  private moved: Float32Array;
  private trail: Float32Array[] = [];
  private shown: Frame | null = null; // of the picture
  private picture = document.createElement("canvas");
  private next: Frame | null = null; // being computed
  private losses = new Float32Array(CELLS * CELLS);
  private row = 0;
  private sample: Points;

  constructor(
    private shape: Shape,
    points: Points,
  ) {
    const size = parameters(shape);
    this.random = normalised(new Float32Array(size).map(normal));
    this.moved = new Float32Array(size);
    const every = Math.max(1, Math.ceil(points.label.length / MOST_POINTS));
    const kept = Array.from(points.label.keys()).filter((i) => i % every === 0);
    this.sample = {
      x: Float32Array.from(kept.flatMap((i) => [points.x[2 * i], points.x[2 * i + 1]])),
      label: Int32Array.from(kept, (i) => points.label[i]),
    };
  }

  /** Hear of a state. */
  follow(state: State): void {
    const { center } = state;
    if (center.length !== this.moved.length) return;
    if (this.before) {
      let length = 0;
      for (let i = 0; i < center.length; i++) length += (center[i] - this.before[i]) ** 2;
      if (length > 0) {
        for (let i = 0; i < center.length; i++) {
          this.moved[i] = 0.8 * this.moved[i] + (center[i] - this.before[i]);
        }
        this.trail.push(this.before);
        if (this.trail.length > TRAIL) this.trail.shift();
      }
    }
    this.before = center;
  }

  /** Whether the slice is that of another center than now. */
  isBehind(state: State): boolean {
    return this.shown?.center !== state.center;
  }

  /** Compute some of the slice, for so many milliseconds at most. */
  work(state: State, milliseconds: number): void {
    const until = performance.now() + milliseconds;
    do {
      this.next ??= this.frame(state);
      const { center, across, up } = this.next;
      const weights = new Float32Array(center.length);
      for (let column = 0; column < CELLS; column++) {
        const [a, b] = [along(column) * this.next.reach, -along(this.row) * this.next.reach];
        for (let i = 0; i < center.length; i++) weights[i] = center[i] + a * across[i] + b * up[i];
        const { x, label } = this.sample;
        this.losses[this.row * CELLS + column] = crossEntropy(this.shape, weights, x, label);
      }
      this.row = (this.row + 1) % CELLS;
      if (this.row === 0) {
        this.shown = this.next;
        this.next = null;
        paint(this.picture, this.losses);
        return;
      }
    } while (performance.now() < until);
  }

  private frame(state: State): Frame {
    const across =
      dot(this.moved, this.moved) > 0
        ? normalised(this.moved)
        : normalised(this.random.map(normal));
    const up = normalised(without(this.random, across));
    const frame = { center: state.center, across, up, reach: 1 };
    // Wide enough for the cloud.
    const lengths = state.candidates.map((one) => Math.hypot(...place(one.weights, frame)));
    const wanted = 1.3 * BEYOND * Math.max(3.2 * state.sigma, ...lengths);
    const before = this.shown?.reach;
    if (wanted > 0 && Number.isFinite(wanted)) {
      frame.reach = before ? 0.6 * before + 0.4 * wanted : wanted;
    }
    return frame;
  }

  draw(canvas: HTMLCanvasElement, state: State): void {
    const on = sheet(canvas);
    if (!on) return;
    const { context, width, height } = on;
    const look = colors();
    const h = height - 18;
    const frame = this.shown;
    if (!frame) return;
    // The slice is of a moment ago: it lies where the center was, and reaches beyond the canvas.
    const side = BEYOND * Math.max(width, h);
    const unit = side / 2 / frame.reach;
    const [ca, cb] = place(state.center, frame);
    const to = (weights: Float32Array): [number, number] => {
      const [a, b] = place(weights, frame);
      return [width / 2 + (a - ca) * unit, h / 2 - (b - cb) * unit];
    };
    const [x0, y0] = to(frame.center);
    context.save();
    context.beginPath();
    context.rect(0, 0, width, h);
    context.clip();
    context.imageSmoothingEnabled = true;
    context.fillStyle = look.grid;
    context.fillRect(0, 0, width, h);
    context.drawImage(this.picture, x0 - side / 2, y0 - side / 2, side, side);
    context.strokeStyle = look.note;
    context.lineWidth = 1.5;
    context.beginPath();
    for (const old of [...this.trail, state.center]) context.lineTo(...to(old));
    context.stroke();
    context.strokeStyle = look.paper;
    context.lineWidth = 1;
    for (const candidate of [...state.candidates].reverse()) {
      const [x, y] = to(candidate.weights);
      context.fillStyle = candidate.won ? look.orange : look.blue;
      context.beginPath();
      context.arc(x, y, candidate.won ? 5.5 : 3.5, 0, 7);
      context.fill();
      context.stroke();
    }
    const [cx, cy] = to(state.center);
    context.strokeStyle = look.ink;
    context.lineWidth = 2;
    context.beginPath();
    context.moveTo(cx - 7, cy);
    context.lineTo(cx + 7, cy);
    context.moveTo(cx, cy - 7);
    context.lineTo(cx, cy + 7);
    context.stroke();
    context.restore();
    context.font = FONT;
    context.fillStyle = look.note;
    context.textAlign = "left";
    context.fillText("→ the way it moves   ↑ a random direction", 0, height - 4);
  }
}

/** Of a cell's middle, from -1 to 1. */
const along = (index: number) => ((index + 0.5) / CELLS - 0.5) * 2;

function place(weights: Float32Array, frame: Frame): [number, number] {
  let [a, b] = [0, 0];
  for (let i = 0; i < weights.length; i++) {
    const d = weights[i] - frame.center[i];
    a += d * frame.across[i];
    b += d * frame.up[i];
  }
  return [a, b];
}

/** Low losses are light, high ones dark, in steps, like a map; on a dark page as well. */
function paint(picture: HTMLCanvasElement, losses: Float32Array): void {
  picture.width = picture.height = FINE;
  const context = picture.getContext("2d")!;
  const image = context.createImageData(FINE, FINE);
  const { paperRgb, grid } = colors();
  const ordered = Array.from(losses).filter(Number.isFinite).sort((a, b) => a - b);
  const [low, high] = [ordered[0], ordered[ordered.length - 1]];
  if (!(high > low)) {
    context.fillStyle = grid;
    context.fillRect(0, 0, FINE, FINE);
    return;
  }
  const onLight = paperRgb[0] > 128;
  const light: Rgb = onLight ? paperRgb : [112, 124, 142];
  const dark: Rgb = onLight ? [120, 132, 150] : paperRgb;
  const cell = (at: number) => Math.min(Math.max(((at + 0.5) / FINE) * CELLS - 0.5, 0), CELLS - 1.001);
  for (let row = 0; row < FINE; row++) {
    const [i, fy] = [Math.floor(cell(row)), cell(row) % 1];
    for (let column = 0; column < FINE; column++) {
      const [j, fx] = [Math.floor(cell(column)), cell(column) % 1];
      const at = i * CELLS + j;
      const upper = losses[at] * (1 - fx) + losses[at + 1] * fx;
      const lower = losses[at + CELLS] * (1 - fx) + losses[at + CELLS + 1] * fx;
      const loss = upper * (1 - fy) + lower * fy;
      const share = Math.min(1, Math.floor((LEVELS * (loss - low)) / (high - low)) / LEVELS);
      const tint = 0.06 + 0.74 * share;
      const pixel = 4 * (row * FINE + column);
      for (let k = 0; k < 3; k++) {
        image.data[pixel + k] = light[k] + tint * (dark[k] - light[k]);
      }
      image.data[pixel + 3] = 255;
    }
  }
  context.putImageData(image, 0, 0);
}
