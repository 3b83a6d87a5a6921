// The strategies of the engine in the browser, by name, with what the page shows of them and how they
// are made. Names and parameters are the library's, so that a command line says the same.
import { HillClimbing, RandomSearch } from "./approaches.ts";
import { CMAES } from "./cma_es.ts";
import { GeneticAlgorithm } from "./genetic_algorithm.ts";
import { GradientDescent } from "./gradient_descent.ts";
import { OpenAIES } from "./openai_es.ts";
import type { Start, Strategy } from "./strategy.ts";

/** A parameter of a strategy, a number. */
export interface Parameter {
  name: string;
  label: string;
  default: number;
  min: number; // of a slider; other numbers are taken as well
  max: number;
  step: number;
  whole: boolean; // a count, 1 or more; otherwise a number above 0
}

/** A strategy as the page lists it. */
export interface StrategyInfo {
  name: string;
  title: string;
  about: string; // one sentence
  parameters: Parameter[];
  /** What the library calls it and sets besides the parameters; null: no strategy of it. */
  library: { strategy: string; set: Record<string, string> } | null;
}

interface Entry extends StrategyInfo {
  make(start: Start, numbers: Record<string, number>): Strategy;
}

function sigma(value: number, label = "step size"): Parameter {
  return { name: "sigma", label, default: value, min: 0.01, max: 1, step: 0.01, whole: false };
}

function population(value: number): Parameter {
  return {
    name: "population", label: "candidates", default: value, min: 2, max: 256, step: 2, whole: true,
  };
}

const AT_ONCE: Parameter = {
  name: "speculation", label: "proposals at once", default: 1, min: 1, max: 32, step: 1, whole: true,
};

const ENTRIES: Entry[] = [
  {
    name: "random_search",
    title: "Random search",
    about: "Draw every network anew and keep the best: the chapter's first approach.",
    parameters: [sigma(0.05, "size of the weights"), population(24)],
    library: { strategy: "random_search", set: {} },
    make: (start, of) => new RandomSearch(start, of.sigma, of.population),
  },
  {
    name: "hill_climbing",
    title: "Hill climbing",
    about: "Change the best network a little and keep what helps: the chapter's second approach.",
    parameters: [sigma(0.05), AT_ONCE],
    library: { strategy: "hill_climbing", set: {} },
    make: (start, of) => new HillClimbing(start, of.sigma, of.speculation, false),
  },
  {
    name: "adapted_hill_climbing",
    title: "Hill climbing with adapted steps",
    about: "Longer steps after a success, shorter ones after a failure, so that one in five helps.",
    parameters: [sigma(0.05, "first step size"), AT_ONCE],
    library: { strategy: "hill_climbing", set: { adapt: "true" } },
    make: (start, of) => new HillClimbing(start, of.sigma, of.speculation, true),
  },
  {
    name: "genetic_algorithm",
    title: "Genetic algorithm",
    about: "A crowd: the best quarter lives on and has children, mixed of two and changed a little.",
    parameters: [sigma(0.05, "size of mutations"), population(32)],
    library: { strategy: "genetic_algorithm", set: {} },
    make: (start, of) => new GeneticAlgorithm(start, of.sigma, of.population),
  },
  {
    name: "openai_es",
    title: "Evolution strategy (OpenAI-ES)",
    about: "Try a crowd around the center and step along its average, weighted by rank: a slope.",
    parameters: [
      sigma(0.1),
      {
        name: "learning_rate", label: "learning rate", default: 0.05, min: 0.01, max: 0.5,
        step: 0.01, whole: false,
      },
      population(128),
    ],
    library: { strategy: "openai_es", set: {} },
    make: (start, of) => new OpenAIES(start, of.sigma, of.learning_rate, of.population),
  },
  {
    name: "cma_es",
    title: "CMA-ES",
    about: "Also learns in which directions to look far. For networks of at most 400 weights.",
    parameters: [sigma(0.5, "first spread"), population(24)],
    library: { strategy: "cma_es", set: {} },
    make: (start, of) => new CMAES(start, of.sigma, of.population),
  },
  {
    name: "adam",
    title: "Gradient descent (Adam)",
    about: "The contrast: the exact slope by backpropagation. A step counts as 3 evaluations.",
    parameters: [
      {
        name: "learning_rate", label: "learning rate", default: 0.01, min: 0.001, max: 0.2,
        step: 0.001, whole: false,
      },
    ],
    library: null,
    make: (start, of) => new GradientDescent(start, of.learning_rate),
  },
];

/** Every strategy of this engine, in the order in which the story tells of them. */
export const STRATEGIES: readonly StrategyInfo[] = ENTRIES;

/** A strategy by name, with numbers for its parameters, or their defaults. */
export function made(name: string, numbers: Record<string, number>, start: Start): Strategy {
  const entry = ENTRIES.find((each) => each.name === name);
  if (!entry) {
    const names = ENTRIES.map((each) => each.name).join(", ");
    throw new Error(`the strategy must be one of ${names}, got ${name}`);
  }
  const given: Record<string, number> = {};
  for (const parameter of entry.parameters) {
    const value = numbers[parameter.name] ?? parameter.default;
    const fits = Number.isFinite(value) && value > 0 && (!parameter.whole || Number.isInteger(value));
    if (!fits) {
      const kind = parameter.whole ? "a whole number, 1 or more" : "a number above 0";
      throw new Error(
        `${parameter.label} must be ${kind}, got ${value}. For example: ${parameter.default}`,
      );
    }
    given[parameter.name] = value;
  }
  return entry.make(start, given);
}
