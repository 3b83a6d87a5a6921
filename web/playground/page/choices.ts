// From what is chosen to what an engine is told, and to words.
import { generated } from "../data.ts";
import type { Points, Settings } from "../protocol.ts";
import { OWN, type Choice } from "./address.ts";
import { datasetOf, strategyOf } from "./catalogue.ts";
import type { Shape } from "./network.ts";
import { classesOf, decode } from "./owndata.ts";

export const isOwn = (choice: Choice) => OWN.includes(choice.data);

let lastKey = "";
let lastPoints: Points = { x: new Float32Array(), label: new Int32Array() };

/** The data of a choice; the same object for the same data. */
export function pointsOf(choice: Choice): Points {
  const key = isOwn(choice)
    ? choice.points
    : `${choice.data} ${choice.samples} ${choice.noise} ${choice.seed}`;
  if (key !== lastKey) {
    lastPoints = isOwn(choice)
      ? decode(choice.points)
      : generated(choice.data, choice.samples, choice.noise, choice.seed);
    lastKey = key;
  }
  return lastPoints;
}

export function classes(choice: Choice): number {
  return datasetOf(choice.data)?.classes ?? classesOf(pointsOf(choice));
}

export function shapeOf(choice: Choice): Shape {
  return { sizes: [2, ...choice.hidden, classes(choice)], activation: choice.activation };
}

/** What an engine is told; the data may be those of another choice, which is raced against. */
export function settingsOf(choice: Choice, data = choice): Settings {
  return {
    points: pointsOf(data),
    classes: classes(data),
    hidden: choice.hidden,
    activation: choice.activation,
    strategy: choice.strategy,
    numbers: choice.numbers,
    seed: choice.seed,
  };
}

/** Whether anything can be learned: points of two classes. */
export function isReady(choice: Choice): boolean {
  return new Set(pointsOf(choice).label).size > 1;
}

/** What a choice is called beside another one: only what differs. */
export function nameOf(choice: Choice, other: Choice | null): string {
  const parts = [short(strategyOf(choice.strategy).title)];
  if (other && other.strategy === choice.strategy) {
    for (const one of strategyOf(choice.strategy).parameters) {
      if (choice.numbers[one.name] !== other.numbers[one.name]) {
        parts.push(`${one.label} ${choice.numbers[one.name]}`);
      }
    }
  }
  if (other) {
    if (`${choice.hidden}` !== `${other.hidden}`) parts.push(shapeOf(choice).sizes.join("-"));
    if (choice.activation !== other.activation) parts.push(choice.activation);
    if (choice.seed !== other.seed) parts.push(`seed ${choice.seed}`);
  }
  return parts.join(", ");
}

/** A title without what stands in brackets behind it. */
const short = (title: string) => title.replace(/ \(.*\)$/, "");
