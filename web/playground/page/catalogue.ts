// Which data sets and strategies the page offers.
import { STRATEGIES, type Parameter, type StrategyInfo } from "../engine/strategies.ts";
import type { Points } from "../protocol.ts";

export { STRATEGIES, type Parameter, type StrategyInfo };

export function strategyOf(name: string): StrategyInfo {
  return STRATEGIES.find((one) => one.name === name) ?? STRATEGIES[0];
}

/** Whether an engine takes this number. */
export function fits(parameter: Parameter, value: number): boolean {
  return Number.isFinite(value) && value > 0 && (!parameter.whole || Number.isInteger(value));
}

/** What a parameter must be, in words. */
export function mustBe(parameter: Parameter): string {
  return parameter.whole ? "This must be a whole number, 1 or more." : "This must be a number above 0.";
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
