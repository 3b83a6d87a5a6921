// The form of settings: shows a choice, and says when somebody has changed it.
import { ACTIVATIONS, defaults, MOST_NEURONS, type Choice } from "./address.ts";
import { datasetOf, DATASETS, fits, mustBe, STRATEGIES, strategyOf, type Parameter } from "./catalogue.ts";
import { isOwn } from "./choices.ts";
import { byId, element } from "./dom.ts";

const ACTIVATION_TITLES: Record<string, string> = {
  relu: "relu: max(0, x)",
  tanh: "tanh: an S",
  sign: "sign: −1 or 1",
  step: "step: 0 or 1",
};

export class Controls {
  private choice!: Choice;
  private data = byId("data", HTMLSelectElement);
  private samples = byId("samples", HTMLInputElement);
  private noise = byId("noise", HTMLInputElement);
  private layers = byId("layers", HTMLSelectElement);
  private neurons = byId("neurons");
  private activation = byId("activation", HTMLSelectElement);
  private strategy = byId("strategy", HTMLSelectElement);
  private numbers = byId("numbers");
  private seed = byId("seed", HTMLInputElement);

  constructor(private changed: (choice: Choice) => void) {
    for (const { name, title } of DATASETS) this.data.append(new Option(title, name));
    this.data.append(new Option("Drawn by hand", "drawn"));
    for (const name of ACTIVATIONS) this.activation.append(new Option(ACTIVATION_TITLES[name], name));
    for (const { name, title } of STRATEGIES) this.strategy.append(new Option(title, name));
    const form = byId("controls", HTMLFormElement);
    form.addEventListener("submit", (event) => event.preventDefault());

    this.data.addEventListener("change", () => {
      const data = this.data.value;
      const noise = datasetOf(data)?.noise.default ?? this.choice.noise;
      this.change({ data, noise, points: data === "drawn" ? "" : this.choice.points });
    });
    this.samples.addEventListener("input", () => this.change({ samples: Number(this.samples.value) }));
    this.noise.addEventListener("input", () => this.change({ noise: Number(this.noise.value) }));
    this.layers.addEventListener("change", () => {
      const { hidden } = this.choice;
      const usual = hidden[hidden.length - 1] ?? 16;
      this.change({
        hidden: Array.from({ length: Number(this.layers.value) }, (_, i) => hidden[i] ?? usual),
      });
    });
    this.activation.addEventListener("change", () =>
      this.change({ activation: this.activation.value as Choice["activation"] }),
    );
    this.strategy.addEventListener("change", () =>
      this.change({ strategy: this.strategy.value, numbers: defaults(this.strategy.value) }),
    );
    this.seed.addEventListener("change", () => {
      const seed = taken(this.seed, isBetween(0, 2 ** 32 - 1), "This must be a whole number from 0 to 4294967295.");
      if (seed !== null) this.change({ seed });
    });
  }

  /** Show a choice. */
  show(choice: Choice): void {
    const before = this.choice as Choice | undefined;
    this.choice = choice;
    const table = this.data.querySelector<HTMLOptionElement>('option[value="table"]');
    if (choice.data === "table" && !table) this.data.append(new Option("Your table", "table"));
    this.data.value = choice.data;
    byId("generated").hidden = isOwn(choice);
    byId("drawing").hidden = choice.data !== "drawn";
    const made = datasetOf(choice.data);
    if (made) {
      bound(this.samples, made.samples);
      bound(this.noise, made.noise);
    }
    this.samples.value = String(choice.samples);
    byId("samples-shown").textContent = String(choice.samples);
    this.noise.value = String(choice.noise);
    byId("noise-shown").textContent = String(choice.noise);
    this.layers.value = String(choice.hidden.length);
    if (before?.hidden.length !== choice.hidden.length) this.showLayers(choice.hidden.length);
    choice.hidden.forEach((size, index) => show(byId(`neurons-${index}`, HTMLInputElement), size));
    this.activation.value = choice.activation;
    this.strategy.value = choice.strategy;
    const strategy = strategyOf(choice.strategy);
    byId("strategy-about").textContent = strategy.about;
    if (before?.strategy !== choice.strategy) {
      this.numbers.replaceChildren(...strategy.parameters.map((one) => this.numberField(one)));
    }
    for (const one of strategy.parameters) {
      show(byId(`number-${one.name}`, HTMLInputElement), choice.numbers[one.name]);
    }
    show(this.seed, choice.seed);
  }

  private change(part: Partial<Choice>): void {
    this.changed({ ...this.choice, ...part });
  }

  private showLayers(count: number): void {
    this.neurons.replaceChildren(
      ...Array.from({ length: count }, (_, index) => {
        const input = field(`neurons-${index}`, 1, MOST_NEURONS);
        input.addEventListener("change", () => {
          const size = taken(input, isBetween(1, MOST_NEURONS), `This must be a whole number from 1 to ${MOST_NEURONS}.`);
          if (size === null) return;
          this.change({ hidden: this.choice.hidden.map((old, i) => (i === index ? size : old)) });
        });
        const text = count === 1 ? "Neurons" : `Neurons of layer ${index + 1}`;
        return element("label", {}, `${text} `, input);
      }),
    );
  }

  private numberField(one: Parameter): HTMLElement {
    const input = field(`number-${one.name}`, one.whole ? 1 : 0);
    input.addEventListener("change", () => {
      const value = taken(input, (number) => fits(one, number), mustBe(one));
      if (value !== null) this.change({ numbers: { ...this.choice.numbers, [one.name]: value } });
    });
    return element("label", {}, `${sentence(one.label)} `, input);
  }
}

function bound(input: HTMLInputElement, range: { min: number; max: number; step: number }): void {
  input.min = String(range.min);
  input.max = String(range.max);
  input.step = String(range.step);
}

const sentence = (text: string) => text[0].toUpperCase() + text.slice(1);

function field(id: string, min: number, max?: number): HTMLInputElement {
  const input = element("input", { type: "number", id, inputMode: "decimal", step: "any" });
  input.min = String(min);
  if (max !== undefined) input.max = String(max);
  return input;
}

function show(input: HTMLInputElement, value: number): void {
  if (Number(input.value) !== value || input.value === "") input.value = String(value);
  input.setCustomValidity("");
}

const isBetween = (from: number, to: number) => (value: number) =>
  Number.isInteger(value) && value >= from && value <= to;

/** The number of a field, or null with a word on what it must be. */
function taken(
  input: HTMLInputElement,
  isFine: (value: number) => boolean,
  must: string,
): number | null {
  const value = input.value.trim() === "" ? NaN : Number(input.value);
  const fine = isFine(value);
  input.setCustomValidity(fine ? "" : must);
  input.reportValidity();
  return fine ? value : null;
}
