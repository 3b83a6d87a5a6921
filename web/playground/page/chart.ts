// A line over evaluations or forward passes: loss, accuracy, step size.
import { colors, few, FONT, sheet, short } from "./look.ts";

export type Axis = "evaluations" | "passes";

export interface Row {
  evaluations: number;
  passes: number;
  loss: number;
  accuracy: number;
  sigma: number;
}

const MOST_ROWS = 1500;

/** Rows of a run, thinned as it goes on: never more than a screen can show. */
export class Record {
  rows: Row[] = [];
  private stride = 1;
  private skipped = 0;

  add(rows: Row[]): void {
    for (const row of rows) {
      if (++this.skipped < this.stride) continue;
      this.skipped = 0;
      this.rows.push(row);
    }
    while (this.rows.length > MOST_ROWS) {
      this.rows = this.rows.filter((_, index) => index % 2 === 0);
      this.stride *= 2;
    }
  }
}

export interface Line {
  rows: Row[];
  last: Row | null; // where the run is, which may not be among the rows
  color: string;
  dashed: boolean;
  name: string;
}

export interface Scale {
  value: "loss" | "accuracy" | "sigma";
  title: string;
  from?: number;
  to?: number;
  logarithmic?: boolean;
  ticks?: number[];
  label: (value: number) => string;
}

export const LOSS: Scale = { value: "loss", title: "loss", from: 0, label: few };
export const ACCURACY: Scale = {
  value: "accuracy",
  title: "accuracy",
  from: 0,
  to: 1,
  ticks: [0, 0.5, 1],
  label: (value) => `${Math.round(100 * value)} %`,
};
export const STEP: Scale = { value: "sigma", title: "step size", logarithmic: true, label: few };

function bounds(lines: Line[], scale: Scale): [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (const { rows, last } of lines) {
    for (const row of last ? [...rows, last] : rows) {
      const value = row[scale.value];
      if (!Number.isFinite(value) || (scale.logarithmic && value <= 0)) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  if (low > high) return scale.logarithmic ? [0.01, 1] : [0, 1];
  if (scale.logarithmic) return [Math.min(low, high / 10) / 1.5, high * 1.5];
  return [scale.from ?? low, scale.to ?? (high > 0 ? high * 1.05 : 1)];
}

/** Two or three round numbers between two others. */
function roundNumbers(low: number, high: number, logarithmic: boolean): number[] {
  if (logarithmic) {
    const found: number[] = [];
    const [first, last] = [Math.ceil(Math.log10(low)), Math.floor(Math.log10(high))];
    const every = Math.max(1, Math.ceil((last - first + 1) / 3));
    for (let power = first; power <= last; power += every) found.push(10 ** power);
    return found;
  }
  const rough = (high - low) / 2.5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough) ?? rough;
  const found: number[] = [];
  for (let value = Math.ceil(low / step) * step; value <= high * 1.0001; value += step) found.push(value);
  return found;
}

export function drawChart(
  canvas: HTMLCanvasElement,
  lines: Line[],
  scale: Scale,
  axis: Axis,
  namesAxis: boolean,
): void {
  const on = sheet(canvas);
  if (!on) return;
  const { context, width, height } = on;
  const look = colors();
  const [left, right, top, bottom] = [44, 12, 28, namesAxis ? 34 : 18];
  const [w, h] = [width - left - right, height - top - bottom];
  const [low, high] = bounds(lines, scale);
  const far = Math.max(1, ...lines.map(({ rows, last }) => (last ?? rows[rows.length - 1])?.[axis] ?? 0));
  const map = scale.logarithmic ? Math.log : (value: number) => value;
  const y = (value: number) =>
    top + h - (h * (map(value) - map(low))) / Math.max(map(high) - map(low), 1e-12);
  const x = (value: number) => left + (w * value) / far;

  context.font = FONT;
  context.textBaseline = "alphabetic";
  context.fillStyle = look.ink;
  context.textAlign = "left";
  context.fillText(scale.title, 0, 11);
  let across = context.measureText(scale.title).width + 10;
  for (const { rows, last, color } of lines) {
    const row = last ?? rows[rows.length - 1];
    if (!row || (scale.logarithmic && row[scale.value] <= 0)) continue;
    const text = scale.label(row[scale.value]);
    context.font = `600 ${FONT}`;
    context.fillStyle = lines.length > 1 ? color : look.ink;
    context.fillText(text, across, 11);
    across += context.measureText(text).width + 12;
  }
  context.font = FONT;
  context.lineWidth = 1;
  for (const tick of scale.ticks ?? roundNumbers(low, high, scale.logarithmic ?? false)) {
    const at = Math.round(y(tick)) + 0.5;
    context.strokeStyle = look.grid;
    context.beginPath();
    context.moveTo(left, at);
    context.lineTo(width - right, at);
    context.stroke();
    context.fillStyle = look.note;
    context.textAlign = "right";
    context.textBaseline = "middle";
    context.fillText(scale.label(tick), left - 6, at);
  }
  context.textBaseline = "alphabetic";
  for (const tick of roundNumbers(0, far, false)) {
    context.textAlign = tick === 0 ? "left" : x(tick) > width - right - 14 ? "right" : "center";
    context.fillStyle = look.note;
    context.fillText(short(tick), Math.min(x(tick), width), top + h + 14);
  }
  if (namesAxis) {
    context.textAlign = "right";
    context.fillText(axis === "passes" ? "samples passed forward" : "networks tried", width - right, height - 2);
  }
  for (const line of lines) drawLine(context, line, scale, axis, x, y, look.paper);
}

function drawLine(
  context: CanvasRenderingContext2D,
  line: Line,
  scale: Scale,
  axis: Axis,
  x: (value: number) => number,
  y: (value: number) => number,
  paper: string,
): void {
  const rows = line.last ? [...line.rows, line.last] : line.rows;
  const shown = rows.filter(
    (row) => Number.isFinite(row[scale.value]) && !(scale.logarithmic && row[scale.value] <= 0),
  );
  if (!shown.length) return;
  context.strokeStyle = line.color;
  context.lineWidth = 2;
  context.lineJoin = "round";
  context.setLineDash(line.dashed ? [5, 3] : []);
  context.beginPath();
  shown.forEach((row, index) => {
    const [px, py] = [x(row[axis]), y(row[scale.value])];
    if (index) context.lineTo(px, py);
    else context.moveTo(px, py);
  });
  context.stroke();
  context.setLineDash([]);
  const end = shown[shown.length - 1];
  context.fillStyle = line.color;
  context.strokeStyle = paper;
  context.beginPath();
  context.arc(x(end[axis]), y(end[scale.value]), 4, 0, 7);
  context.fill();
  context.stroke();
}
