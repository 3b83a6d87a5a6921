// The state of the page as a readable address: a link shows the same run.
import type { Activation } from "../protocol.ts";
import type { Axis } from "./chart.ts";
import { datasetOf, fits, strategyOf, STRATEGIES } from "./catalogue.ts";

export const ACTIVATIONS: Activation[] = ["relu", "tanh", "sign", "step"];
export const OWN = ["drawn", "table"]; // data that the address carries itself
export const MOST_LAYERS = 3;
export const MOST_NEURONS = 64;

/** What is searched and how: what makes a run. */
export interface Choice {
  data: string;
  samples: number; // in all
  noise: number;
  points: string; // of own data: x,y,class;x,y,class; ...
  hidden: number[];
  activation: Activation;
  strategy: string;
  numbers: Record<string, number>;
  seed: number;
}

/** And how it is looked at. */
export interface View {
  choice: Choice;
  rival: Choice | null; // raced against
  speed: string; // generations a second, or "full"
  axis: Axis;
  step: number; // of the story, 1 to 7; 0 for none
  until: number; // networks after which it pauses, 0 for never
}

export const SPEEDS: Record<string, string> = {
  "1": "1 generation a second",
  "5": "5 generations a second",
  "30": "30 generations a second",
  "200": "200 generations a second",
  full: "as fast as it can",
};

export function standard(): View {
  return {
    choice: {
      data: "spiral",
      samples: 300,
      noise: 0.2,
      points: "",
      hidden: [64],
      activation: "relu",
      strategy: "openai_es",
      numbers: defaults("openai_es"),
      seed: 0,
    },
    rival: null,
    speed: "30",
    axis: "evaluations",
    step: 0,
    until: 0,
  };
}

export function defaults(strategy: string): Record<string, number> {
  return Object.fromEntries(strategyOf(strategy).parameters.map((one) => [one.name, one.default]));
}

const RIVAL = "rival-";

export function write(view: View): string {
  const parts = fields(view.choice);
  if (view.rival) {
    const shared = sharedFields(view.choice, view.rival.strategy);
    for (const [name, value] of fields(view.rival)) {
      if (shared.get(name) !== value || name === "strategy") parts.push([RIVAL + name, value]);
    }
  }
  parts.push(["speed", view.speed]);
  if (view.axis !== "evaluations") parts.push(["axis", view.axis]);
  if (view.until) parts.push(["until", String(view.until)]);
  if (view.step) parts.push(["step", String(view.step)]);
  // Commas and semicolons are easier to read than what stands for them.
  const query = parts.map(([name, value]) => `${name}=${plain(value)}`).join("&");
  const { data, points } = view.choice;
  // Points of one's own stand behind the #, which browsers keep to themselves.
  return `?${query}${OWN.includes(data) ? `#points=${plain(points)}` : ""}`;
}

const plain = (value: string) => encodeURIComponent(value).replace(/%2C/g, ",").replace(/%3B/g, ";");

function fields(choice: Choice): [string, string][] {
  const parts: [string, string][] = [["data", choice.data]];
  if (!OWN.includes(choice.data)) {
    parts.push(["samples", String(choice.samples)], ["noise", String(choice.noise)]);
  }
  parts.push(
    ["hidden", choice.hidden.join(",") || "none"],
    ["activation", choice.activation],
    ["strategy", choice.strategy],
  );
  for (const [name, value] of Object.entries(choice.numbers)) parts.push([name, String(value)]);
  parts.push(["seed", String(choice.seed)]);
  return parts;
}

/** What a rival has from the first choice unless its own is said; no numbers of another strategy. */
function sharedFields(choice: Choice, strategy: string): Map<string, string> {
  const other = strategy !== choice.strategy;
  return new Map(fields(choice).filter(([name]) => !(other && name in choice.numbers)));
}

/** The view of an address; what it does not say, or says wrongly, is as usual. */
export function read(address: string): View {
  const [query, fragment] = address.split("#");
  const given = new URLSearchParams(query);
  const points = new URLSearchParams(fragment).get("points");
  if (points !== null) given.set("points", points);
  const view = standard();
  view.choice = readChoice(view.choice, (name) => given.get(name));
  if ([...given.keys()].some((name) => name.startsWith(RIVAL))) {
    const strategy = given.get(`${RIVAL}strategy`) ?? view.choice.strategy;
    const shared = sharedFields(view.choice, strategy);
    view.rival = readChoice(
      view.choice,
      (name) =>
        name === "points" ? points : (given.get(RIVAL + name) ?? shared.get(name) ?? null),
    );
  }
  const speed = given.get("speed");
  if (speed !== null && speed in SPEEDS) view.speed = speed;
  if (given.get("axis") === "passes") view.axis = "passes";
  view.step = whole(given.get("step"), 0, 0, 7);
  view.until = whole(given.get("until"), 0, 0, 1e12);
  return view;
}

function readChoice(usual: Choice, given: (name: string) => string | null): Choice {
  const choice = { ...usual };
  const data = given("data");
  if (data !== null && (datasetOf(data) || OWN.includes(data))) choice.data = data;
  const made = datasetOf(choice.data);
  if (made) {
    const { noise, samples } = made;
    choice.noise = number(given("noise"), noise.default, noise.min, noise.max);
    choice.samples = whole(given("samples"), samples.default, samples.min, samples.max);
  } else {
    choice.points = given("points") ?? "";
  }
  const hidden = given("hidden");
  if (hidden !== null) {
    const sizes = hidden === "none" || hidden === "" ? [] : hidden.split(",").map(Number);
    if (
      sizes.length <= MOST_LAYERS &&
      sizes.every((size) => Number.isInteger(size) && size >= 1 && size <= MOST_NEURONS)
    ) {
      choice.hidden = sizes;
    }
  }
  const activation = given("activation") as Activation;
  if (ACTIVATIONS.includes(activation)) choice.activation = activation;
  const strategy = given("strategy");
  if (strategy !== null && STRATEGIES.some((one) => one.name === strategy)) choice.strategy = strategy;
  choice.numbers = {};
  for (const one of strategyOf(choice.strategy).parameters) {
    const value = Number(given(one.name) ?? NaN);
    choice.numbers[one.name] = fits(one, value) ? value : one.default;
  }
  choice.seed = whole(given("seed"), usual.seed, 0, 2 ** 32 - 1);
  return choice;
}

function number(text: string | null, usual: number, from: number, to: number): number {
  const value = text === null || text.trim() === "" ? NaN : Number(text);
  return Number.isFinite(value) ? Math.min(to, Math.max(from, value)) : usual;
}

function whole(text: string | null, usual: number, from: number, to: number): number {
  return Math.round(number(text, usual, from, to));
}
