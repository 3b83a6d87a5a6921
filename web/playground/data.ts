// The data sets of the plane, made as the library makes them: the same seed gives the same points, for
// its own numbers of samples and noise. See gradless/data/named.py.
import { RandomState } from "./engine/numpy.ts";
import type { Points } from "./protocol.ts";

/** A number of a data set as the page shows it. */
export interface Range {
  default: number;
  min: number;
  max: number;
  step: number;
}

export interface DatasetInfo {
  name: string;
  title: string;
  classes: number;
  noise: Range;
  samples: Range; // in all
}

const SAMPLES: Range = { default: 300, min: 30, max: 900, step: 30 };

function noise(value: number): Range {
  return { default: value, min: 0, max: 0.5, step: 0.05 };
}

export const DATASETS: readonly DatasetInfo[] = [
  { name: "vertical", title: "Vertical", classes: 3, noise: noise(0.1), samples: SAMPLES },
  { name: "spiral", title: "Spiral", classes: 3, noise: noise(0.2), samples: SAMPLES },
  { name: "moons", title: "Moons", classes: 2, noise: noise(0.2), samples: SAMPLES },
  { name: "circles", title: "Circles", classes: 2, noise: noise(0.1), samples: SAMPLES },
];

/** Points of a data set by name. */
export function generated(name: string, samples: number, noise: number, seed: number): Points {
  if (!Number.isInteger(samples) || samples < 3) {
    throw new Error(`samples must be a whole number, 3 or more, got ${samples}. For example: 300`);
  }
  if (!(noise >= 0 && Number.isFinite(noise))) {
    throw new Error(`noise must be a number, 0 or more, got ${noise}. For example: 0.1`);
  }
  const generator = new RandomState(seed);
  switch (name) {
    case "vertical": return groups(samples, (k, count) => cloud(generator, k, count, noise));
    case "spiral": return groups(samples, (k, count) => arm(generator, k, count, noise));
    case "moons": return shuffled(generator, moons(samples), noise);
    case "circles": return shuffled(generator, circles(samples), noise);
  }
  const names = DATASETS.map((each) => each.name).join(", ");
  throw new Error(`the data set must be one of ${names}, got ${name}`);
}

type Point = [x: number, y: number];

/** Three groups of points one after another, as equal in number as can be. */
function groups(samples: number, group: (k: number, count: number) => Point[]): Points {
  const each = [0, 1, 2].map((k) => Math.floor((samples + 2 - k) / 3));
  const points = each.map((count, k) => group(k, count));
  return {
    x: Float32Array.from(points.flat(2)),
    label: Int32Array.from(points.flatMap((group, k) => group.map(() => k))),
  };
}

/** Normal noise in float32, in which the book's data sets count. */
function drawn(generator: RandomState, count: number, size: number): number[] {
  const factor = Math.fround(size);
  return Array.from({ length: count }, () => Math.fround(Math.fround(generator.normal()) * factor));
}

function cloud(generator: RandomState, k: number, count: number, noise: number): Point[] {
  const across = drawn(generator, count, noise), along = drawn(generator, count, noise);
  return across.map((x, i) => [x + Math.fround(k / 3), along[i] + 0.5]);
}

function arm(generator: RandomState, k: number, count: number, noise: number): Point[] {
  return drawn(generator, count, noise).map((turned, i) => {
    const radius = share(i, count), angle = (4 * k + 4 * share(i, count) + turned) * 2.5;
    return [radius * Math.sin(angle), radius * Math.cos(angle)];
  });
}

/** How far along something point i of so many is, from 0 to 1. */
function share(i: number, count: number): number {
  return count > 1 ? i / (count - 1) : 0;
}

type Group = Point[];

/** Two half circles, each around the end of the other. */
function moons(samples: number): [Group, Group] {
  const first = Math.floor(samples / 2);
  const angles = (count: number) => Array.from({ length: count }, (_, i) => Math.PI * share(i, count));
  return [
    angles(first).map((a): Point => [Math.cos(a), Math.sin(a)]),
    angles(samples - first).map((a): Point => [1 - Math.cos(a), 1 - Math.sin(a) - 0.5]),
  ];
}

/** A circle, and another of half its radius. */
function circles(samples: number): [Group, Group] {
  const first = Math.floor(samples / 2);
  const circle = (count: number, radius: number) =>
    Array.from({ length: count }, (_, i): Point => {
      const angle = (2 * Math.PI * i) / count;
      return [radius * Math.cos(angle), radius * Math.sin(angle)];
    });
  return [circle(first, 1), circle(samples - first, 0.5)];
}

/** Two groups in random order, with noise: what scikit-learn draws, in that order. */
function shuffled(generator: RandomState, groups: [Group, Group], noise: number): Points {
  const points = groups.flat(), first = groups[0].length;
  const order = generator.permutation(points.length);
  return {
    x: Float32Array.from(order.flatMap((i) => points[i].map((at) => at + noise * generator.normal()))),
    label: Int32Array.from(order, (i) => (i < first ? 0 : 1)),
  };
}
