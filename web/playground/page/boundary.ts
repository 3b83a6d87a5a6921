// What a network decides where: the plane in the colours of the classes, and the data on it.
import type { Points } from "../protocol.ts";
import { colors, css, mark, sheet } from "./look.ts";
import { outputs, parameters, type Shape } from "./network.ts";

/** The part of the plane that is shown. */
export interface Window2 {
  left: number;
  bottom: number;
  size: number;
}

/** A square that holds all points with some room. */
export function windowOf(points: Points): Window2 {
  let [left, right, bottom, top] = [Infinity, -Infinity, Infinity, -Infinity];
  for (let i = 0; i < points.x.length; i += 2) {
    left = Math.min(left, points.x[i]);
    right = Math.max(right, points.x[i]);
    bottom = Math.min(bottom, points.x[i + 1]);
    top = Math.max(top, points.x[i + 1]);
  }
  if (left > right) return { left: -1, bottom: -1, size: 2 };
  const size = Math.max(right - left, top - bottom, 1e-6) * 1.12;
  return { left: (left + right - size) / 2, bottom: (bottom + top - size) / 2, size };
}

const grids = new Map<string, Float32Array>();

function grid(view: Window2, cells: number): Float32Array {
  const key = `${view.left} ${view.bottom} ${view.size} ${cells}`;
  let found = grids.get(key);
  if (!found) {
    if (grids.size > 12) grids.clear();
    found = new Float32Array(2 * cells * cells);
    for (let row = 0; row < cells; row++) {
      for (let column = 0; column < cells; column++) {
        const at = 2 * (row * cells + column);
        found[at] = view.left + ((column + 0.5) / cells) * view.size;
        found[at + 1] = view.bottom + (1 - (row + 0.5) / cells) * view.size;
      }
    }
    grids.set(key, found);
  }
  return found;
}

const small = document.createElement("canvas");

/** The plane as a network sees it, cells x cells pixels; valid until the next call. */
export function plane(shape: Shape, weights: Float32Array, view: Window2, cells: number) {
  const out = outputs(shape, weights, grid(view, cells));
  const rows = cells * cells;
  const classes = shape.sizes[shape.sizes.length - 1];
  const { classes: palette, paperRgb } = colors();
  small.width = small.height = cells;
  const context = small.getContext("2d")!;
  const image = context.createImageData(cells, cells);
  const data = image.data;
  for (let r = 0; r < rows; r++) {
    let best = 0;
    for (let c = 1; c < classes; c++) if (out[c * rows + r] > out[best * rows + r]) best = c;
    let total = 0;
    for (let c = 0; c < classes; c++) total += Math.exp(out[c * rows + r] - out[best * rows + r]);
    // From nothing, where classes are equally likely, to a calm tint where it is certain.
    const sure = Math.max(0, (1 / total - 1 / classes) / (1 - 1 / classes));
    const tint = 0.12 + 0.4 * sure;
    for (let k = 0; k < 3; k++) data[4 * r + k] = paperRgb[k] + tint * (palette[best][k] - paperRgb[k]);
    data[4 * r + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  return small;
}

/** As many cells as can be computed while nobody notices. */
export function cellsFor(shape: Shape): number {
  return Math.max(28, Math.min(104, Math.floor(Math.sqrt(1.6e6 / (parameters(shape) + 40)))));
}

export function drawPoints(
  context: CanvasRenderingContext2D,
  points: Points,
  view: Window2,
  pixels: number,
): void {
  const { classes, paper } = colors();
  const rows = points.label.length;
  const size = Math.max(1.6, Math.min(4, (pixels / 420) * (rows > 400 ? 3 : 4)));
  context.strokeStyle = paper;
  context.lineWidth = size > 2.2 ? 1 : 0.5;
  for (let i = 0; i < rows; i++) {
    const x = ((points.x[2 * i] - view.left) / view.size) * pixels;
    const y = (1 - (points.x[2 * i + 1] - view.bottom) / view.size) * pixels;
    context.fillStyle = css(classes[points.label[i]]);
    mark(context, points.label[i], x, y, size);
  }
}

/** The large picture. */
export function drawBoundary(
  canvas: HTMLCanvasElement,
  shape: Shape,
  weights: Float32Array | null,
  points: Points,
  view: Window2,
  fine: boolean, // while nothing moves, there is time for more cells
): void {
  const on = sheet(canvas);
  if (!on) return;
  const side = Math.min(on.width, on.height);
  if (weights) {
    on.context.imageSmoothingEnabled = true;
    const cells = cellsFor(shape) * (fine ? 3 : 1);
    on.context.drawImage(plane(shape, weights, view, cells), 0, 0, side, side);
  } else {
    on.context.fillStyle = colors().card;
    on.context.fillRect(0, 0, side, side);
  }
  on.context.drawImage(layer(points, view, side, canvas.width / on.width), 0, 0, side, side);
}

let layers: { key: unknown[]; canvas: HTMLCanvasElement }[] = [];

/** The points alone, drawn once: they stay while the plane behind them moves. */
function layer(points: Points, view: Window2, side: number, scale: number): HTMLCanvasElement {
  const key = [points, view.left, view.bottom, view.size, side, scale, colors()];
  const known = layers.find((one) => one.key.every((part, i) => part === key[i]));
  if (known) return known.canvas;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = Math.round(side * scale);
  const context = canvas.getContext("2d")!;
  context.scale(scale, scale);
  drawPoints(context, points, view, side);
  layers = [{ key, canvas }, ...layers].slice(0, 3);
  return canvas;
}
