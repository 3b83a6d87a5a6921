// A film of a run as a GIF: its best networks from the beginning to now.
import { applyPalette, GIFEncoder, quantize } from "gifenc";
import type { Points } from "../protocol.ts";
import { cellsFor, drawPoints, plane, type Window2 } from "./boundary.ts";
import { colors, few, whole } from "./look.ts";
import type { Shape } from "./network.ts";
import type { Snapshot } from "./runner.ts";

const SIDE = 320;
const FOOT = 26;
const DELAY = 90; // milliseconds
const LAST = 2500;

export async function film(
  snapshots: Snapshot[],
  shape: Shape,
  points: Points,
  view: Window2,
  progress: (share: number) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const sheet = document.createElement("canvas");
  sheet.width = SIDE;
  sheet.height = SIDE + FOOT;
  const context = sheet.getContext("2d", { willReadFrequently: true })!;
  const encoder = GIFEncoder();
  const look = colors();
  for (const [index, one] of snapshots.entries()) {
    context.fillStyle = look.paper;
    context.fillRect(0, 0, SIDE, SIDE + FOOT);
    context.drawImage(plane(shape, one.weights, view, Math.min(64, cellsFor(shape))), 0, 0, SIDE, SIDE);
    drawPoints(context, points, view, SIDE);
    context.fillStyle = look.ink;
    context.font = "13px system-ui, sans-serif";
    context.fillText(
      `${whole(one.evaluations)} networks: loss ${few(one.loss)}, ${Math.round(100 * one.accuracy)} % right`,
      6,
      SIDE + 18,
    );
    const { data } = context.getImageData(0, 0, SIDE, SIDE + FOOT);
    const palette = quantize(data, 128);
    encoder.writeFrame(applyPalette(data, palette), SIDE, SIDE + FOOT, {
      palette,
      delay: index === snapshots.length - 1 ? LAST : DELAY,
    });
    progress((index + 1) / snapshots.length);
    await new Promise((resolve) => setTimeout(resolve)); // lets the page live meanwhile
  }
  encoder.finish();
  return encoder.bytes() as Uint8Array<ArrayBuffer>;
}
