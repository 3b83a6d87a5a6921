// The candidates of a generation as small pictures, best first, winners marked.
import type { Candidate } from "../protocol.ts";
import { plane, type Window2 } from "./boundary.ts";
import { colors, few, FONT, sheet } from "./look.ts";
import { parameters, type Shape } from "./network.ts";

const LABEL = 20;

export function drawStrip(
  canvas: HTMLCanvasElement,
  candidates: Candidate[],
  shape: Shape,
  view: Window2,
): void {
  const on = sheet(canvas);
  if (!on) return;
  const { context, width, height } = on;
  const look = colors();
  const gap = 8;
  const side = height - LABEL - 6;
  const room = Math.max(1, Math.floor((width + gap) / (side + gap)));
  const cells = parameters(shape) > 1000 ? 14 : 20;
  context.font = FONT;
  candidates.slice(0, room).forEach((candidate, index) => {
    const x = 3 + index * (side + gap);
    context.imageSmoothingEnabled = true;
    context.drawImage(plane(shape, candidate.weights, view, cells), x, 3, side, side);
    context.lineWidth = candidate.won ? 3 : 1;
    context.strokeStyle = candidate.won ? look.ink : look.grid;
    context.strokeRect(x, 3, side, side);
    if (candidate.won) {
      context.fillStyle = look.ink;
      context.beginPath(); // a corner folded down: won
      context.moveTo(x + side - 14, 3);
      context.lineTo(x + side, 3);
      context.lineTo(x + side, 17);
      context.fill();
    }
    context.fillStyle = candidate.won ? look.ink : look.note;
    context.textAlign = "center";
    context.fillText(digits(candidate.loss), x + side / 2, height - 4);
  });
  if (!candidates.length) {
    context.fillStyle = look.note;
    context.textAlign = "left";
    context.fillText("No candidates yet.", 3, 20);
  }
}

/** Losses of neighbours are alike, so with a digit more than elsewhere. */
const digits = (loss: number) => (Number.isFinite(loss) ? loss.toPrecision(4) : "–");

/** What the strip shows, in words. */
export function stripInWords(candidates: Candidate[]): string {
  if (!candidates.length) return "Candidates of the last generation: none yet.";
  const won = candidates.filter((one) => one.won).length;
  const [best, worst] = [candidates[0].loss, candidates[candidates.length - 1].loss];
  const losses = candidates.length === 1 ? `loss ${few(best)}` : `losses from ${few(best)} to ${few(worst)}`;
  return `Candidates of the last generation, best first: ${candidates.length}, ${losses}; winners: ${won}.`;
}
