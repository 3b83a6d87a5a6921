// What can be taken along: a command, lines of Python, weights, points.
import type { State } from "../protocol.ts";
import type { Choice } from "./address.ts";
import { isOwn, pointsOf, shapeOf } from "./choices.ts";
import type { Shape } from "./network.ts";

const FILE = "points.csv";

export function commandLine(choice: Choice): string {
  return `gradless train ${FILE} --hidden ${choice.hidden.join(" ")} --activation ${choice.activation}`;
}

export function pythonLines(_choice: Choice): string {
  return "import gradless";
}

/** The points as a table that gradless reads. */
export function pointsAsCsv(choice: Choice): string {
  const { x, label } = pointsOf(choice);
  const rows = Array.from(label, (one, i) => `${x[2 * i]},${x[2 * i + 1]},${one}`);
  return `x,y,class\n${rows.join("\n")}\n`;
}

/** Weights by layer, with what is needed to use them. */
export function weightsAsJson(choice: Choice, shape: Shape, state: State): string {
  const layers: { weights: number[][]; biases: number[] }[] = [];
  let offset = 0;
  for (let layer = 1; layer < shape.sizes.length; layer++) {
    const [inputs, units] = [shape.sizes[layer - 1], shape.sizes[layer]];
    const row = (i: number) => Array.from(state.best.subarray(offset + i * units, offset + (i + 1) * units));
    layers.push({ weights: Array.from({ length: inputs }, (_, i) => row(i)), biases: row(inputs) });
    offset += (inputs + 1) * units;
  }
  return JSON.stringify({
    made_by: "gradless playground",
    sizes: shape.sizes,
    activation: shape.activation,
    output: "softmax",
    layers,
    loss: state.loss,
    accuracy: state.accuracy,
    evaluations: state.evaluations,
    strategy: choice.strategy,
    data: isOwn(choice) ? "own" : choice.data,
  });
}

void shapeOf;
