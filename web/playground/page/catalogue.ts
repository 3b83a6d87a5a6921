// Which data sets and strategies the page offers.
import type { Points } from "../protocol.ts";

export interface NumberOf {
  name: string;
  title: string;
  value: number; // if nobody says otherwise
  from: number;
  to: number;
  whole: boolean;
}

export interface StrategyOf {
  name: string;
  title: string;
  about: string;
  numbers: NumberOf[];
}

export const STRATEGIES: StrategyOf[] = [
  {
    name: "hill_climbing", title: "Hill climbing", about: "",
    numbers: [{ name: "sigma", title: "Step size", value: 0.05, from: 1e-4, to: 10, whole: false }],
  },
  {
    name: "openai_es", title: "OpenAI-ES", about: "",
    numbers: [{ name: "sigma", title: "Step size", value: 0.05, from: 1e-4, to: 10, whole: false }],
  },
];

export function strategyOf(name: string): StrategyOf {
  return STRATEGIES.find((one) => one.name === name) ?? STRATEGIES[0];
}

export const DATA_SETS: Record<string, { title: string; noise: number; classes: number }> = {
  vertical: { title: "Vertical", noise: 0.1, classes: 3 },
  spiral: { title: "Spiral", noise: 0.2, classes: 3 },
  moons: { title: "Moons", noise: 0.2, classes: 2 },
  circles: { title: "Circles", noise: 0.1, classes: 2 },
};

export function makePoints(name: string, samples: number, noise: number, _seed: number): Points {
  const classes = DATA_SETS[name].classes;
  const x = new Float32Array(2 * samples * classes);
  const label = new Int32Array(samples * classes);
  for (let i = 0; i < label.length; i++) {
    const k = (label[i] = Math.floor(i / samples));
    const r = (i % samples) / samples;
    const t = 4 * (k + r) + noise * Math.sqrt(12) * (Math.random() - 0.5);
    x[2 * i] = r * Math.sin(2.5 * t);
    x[2 * i + 1] = r * Math.cos(2.5 * t);
  }
  return { x, label };
}
