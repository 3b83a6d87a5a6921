// The network as a drawing: a line for each weight, as wide as it is large, coloured by its sign.
import { colors, FONT, sheet } from "./look.ts";
import type { Shape } from "./network.ts";

const MOST_DRAWN = 16; // neurons of a layer

export function drawWiring(canvas: HTMLCanvasElement, shape: Shape, weights: Float32Array): void {
  const on = sheet(canvas);
  if (!on) return;
  const { context, width, height } = on;
  const look = colors();
  const { sizes } = shape;
  const [top, bottom, side] = [6, 24, 26];
  const drawn = sizes.map((size) => chosen(size));
  const x = (layer: number) => side + ((width - 2 * side) * layer) / (sizes.length - 1);
  const y = (layer: number, index: number) => {
    const count = drawn[layer].length;
    const room = height - top - bottom;
    const step = Math.min(room / count, 28);
    return top + room / 2 + (index - (count - 1) / 2) * step;
  };
  let offset = 0;
  for (let layer = 1; layer < sizes.length; layer++) {
    const [inputs, units] = [sizes[layer - 1], sizes[layer]];
    let largest = 1e-12;
    for (let i = 0; i < inputs * units; i++) largest = Math.max(largest, Math.abs(weights[offset + i]));
    drawn[layer - 1].forEach((input, i) =>
      drawn[layer].forEach((unit, j) => {
        const weight = weights[offset + input * units + unit];
        const share = Math.abs(weight) / largest;
        if (share < 0.03) return;
        context.globalAlpha = 0.25 + 0.65 * share;
        context.strokeStyle = weight > 0 ? look.blue : look.orange;
        context.lineWidth = 0.4 + 3.2 * share;
        context.beginPath();
        context.moveTo(x(layer - 1), y(layer - 1, i));
        context.lineTo(x(layer), y(layer, j));
        context.stroke();
      }),
    );
    offset += (inputs + 1) * units;
  }
  context.globalAlpha = 1;
  context.font = FONT;
  context.textAlign = "center";
  sizes.forEach((size, layer) => {
    drawn[layer].forEach((_, index) => {
      context.fillStyle = look.paper;
      context.strokeStyle = look.note;
      context.lineWidth = 1.5;
      context.beginPath();
      context.arc(x(layer), y(layer, index), drawn[layer].length > 10 ? 3.5 : 5, 0, 7);
      context.fill();
      context.stroke();
    });
    context.fillStyle = look.note;
    const count = drawn[layer].length;
    context.fillText(count < size ? `${count} of ${size}` : String(size), x(layer), height - 5);
  });
}

/** Indices of the neurons that are drawn, spread evenly over all. */
function chosen(size: number): number[] {
  const count = Math.min(size, MOST_DRAWN);
  return Array.from({ length: count }, (_, i) => Math.floor((i * size) / count));
}
