// What can be taken along: a command, lines of Python, weights, points.
import type { State } from "../protocol.ts";
import type { Choice } from "./address.ts";
import { datasetOf, strategyOf } from "./catalogue.ts";
import { isOwn, pointsOf } from "./choices.ts";
import type { Shape } from "./network.ts";

export const FILE = "points.csv";
const EVALUATIONS = 100_000; // unless the page has tried more

/** Whether gradless has these very points under their name. */
function isByName({ data, samples, noise }: Choice): boolean {
  const made = datasetOf(data);
  return made !== undefined && samples === made.samples.default && noise === made.noise.default;
}

/** What the library calls the strategy; null for Adam, which is none: it takes gradients. */
const inLibrary = (choice: Choice) => strategyOf(choice.strategy).library;

/** What is said of the strategy besides its name, by gradless's names. */
function hyperparameters(choice: Choice): [string, string][] {
  const { library, parameters } = strategyOf(choice.strategy);
  const numbers = parameters.map((one): [string, string] => [one.name, String(choice.numbers[one.name])]);
  return [...numbers, ...Object.entries(library?.set ?? {})];
}

/** A command that searches the same way on the same points. */
export function commandLine(choice: Choice, evaluations: number): string {
  const library = inLibrary(choice);
  const parts = ["gradless", library ? "train" : "compare"];
  if (isByName(choice)) parts.push(choice.data);
  else parts.push(FILE, "--target class --test-fraction 0 --validation 0 --standardize no");
  parts.push(["--hidden", ...choice.hidden].join(" "), `--activation ${choice.activation}`);
  if (!library) {
    parts.push("--strategies hill_climbing --gradient");
    parts.push(`--adam-learning-rate ${choice.numbers.learning_rate} --seeds 1`);
  } else {
    parts.push(`--strategy ${library.strategy}`);
    for (const [name, value] of hyperparameters(choice)) {
      const option = name.replaceAll("_", "-");
      if (value === "true") parts.push(`--${option}`);
      else if (value === "false") parts.push(`--no-${option}`);
      else parts.push(`--${option} ${value}`);
    }
  }
  parts.push(`--seed ${choice.seed}`, `--evaluations ${Math.max(EVALUATIONS, evaluations)}`);
  return parts.join(" ");
}

/** Lines of Python that do the same with gradless. */
export function pythonLines(choice: Choice, evaluations: number): string {
  const budget = Math.max(EVALUATIONS, evaluations);
  const library = inLibrary(choice);
  return library ? trained(choice, library.strategy, budget) : compared(choice, budget);
}

function trained(choice: Choice, name: string, budget: number): string {
  const named = isByName(choice);
  const options = hyperparameters(choice).map(([name, value]) => `, ${name}=${inPython(value)}`);
  const strategy = `strategies.get("${name}"${options.join("")})`;
  const data = named
    ? [`data = load_dataset("${choice.data}", seed=${choice.seed})`, "X, y = data.features, data.targets"]
    : [
        `points = np.loadtxt("${FILE}", delimiter=",", skiprows=1)`,
        "X, y = points[:, :2], points[:, 2].astype(int)",
      ];
  const imports = named
    ? ["from gradless import GradientFreeClassifier, load_dataset, strategies"]
    : ["import numpy as np", "from gradless import GradientFreeClassifier, strategies"];
  return [
    ...imports,
    "",
    ...data,
    `strategy = ${strategy}`,
    "model = GradientFreeClassifier(",
    `    ${tuple(choice.hidden)}, "${choice.activation}", strategy=strategy, max_evaluations=${budget},`,
    `    alpha=0, early_stopping=False, standardize=False, random_state=${choice.seed},`,
    ")",
    "model.fit(X, y)",
    `print(f"{model.score(X, y):.1%} of the points right")`,
  ].join("\n");
}

/** Adam is no strategy of gradless, which takes no gradients: it is what others are compared with. */
function compared(choice: Choice, budget: number): string {
  const data = isByName(choice)
    ? `"${choice.data}"`
    : `"${FILE}", target="class", test_fraction=0, standardize=False`;
  return [
    "import gradless",
    "",
    "recipe = gradless.Recipe(",
    `    ${data}, hidden=${tuple(choice.hidden)}, activation="${choice.activation}",`,
    ")",
    "found = gradless.compare(",
    `    recipe, ["hill_climbing"], gradient=${choice.numbers.learning_rate}, seeds=1,`,
    `    seed=${choice.seed}, evaluations=${budget},`,
    ")",
    "print(found)",
  ].join("\n");
}

const tuple = (sizes: number[]) => (sizes.length === 1 ? `(${sizes[0]},)` : `(${sizes.join(", ")})`);

function inPython(value: string): string {
  if (value === "true" || value === "false") return value === "true" ? "True" : "False";
  return Number.isNaN(Number(value)) ? JSON.stringify(value) : value;
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
    const row = (i: number) =>
      Array.from(state.best.subarray(offset + i * units, offset + (i + 1) * units));
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
