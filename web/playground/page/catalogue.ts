// Which data sets and strategies the page offers: those of the engine.
import { DATASETS, type DatasetInfo } from "../data.ts";
import { STRATEGIES, type Parameter, type StrategyInfo } from "../engine/strategies.ts";

export { DATASETS, STRATEGIES, type DatasetInfo, type Parameter, type StrategyInfo };

export function strategyOf(name: string): StrategyInfo {
  return STRATEGIES.find((one) => one.name === name) ?? STRATEGIES[0];
}

/** A generated data set; undefined for points of one's own. */
export function datasetOf(name: string): DatasetInfo | undefined {
  return DATASETS.find((one) => one.name === name);
}

/** Whether an engine takes this number. */
export function fits(parameter: Parameter, value: number): boolean {
  return Number.isFinite(value) && value > 0 && (!parameter.whole || Number.isInteger(value));
}

/** What a parameter must be, in words. */
export function mustBe(parameter: Parameter): string {
  return parameter.whole ? "This must be a whole number, 1 or more." : "This must be a number above 0.";
}
