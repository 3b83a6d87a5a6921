// Parts of the page that need no browser.
import assert from "node:assert/strict";
import { test } from "node:test";
import { bundled } from "./bundled.mjs";

const page = await bundled("tests/page.ts");

const choices = page.STRATEGIES.flatMap(({ name }, i) => [
  { strategy: name, numbers: page.defaults(name), hidden: [], activation: "sign", seed: 2 ** 32 - 1 },
  {
    strategy: name, hidden: [5, 1, 64], activation: "step", seed: i,
    numbers: Object.fromEntries(Object.keys(page.defaults(name)).map((key, k) => [key, 3 + k])),
  },
]);

test("an address holds the whole view", () => {
  for (const part of choices) {
    for (const more of [{}, { data: "moons", samples: 60, noise: 0.35 }]) {
      const view = page.standard();
      view.choice = { ...view.choice, ...part, ...more };
      Object.assign(view, { speed: "full", axis: "passes", step: 3, until: 5000 });
      assert.deepEqual(page.read(page.write(view)), view);
      for (const other of choices) {
        view.rival = { ...view.choice, ...other };
        assert.deepEqual(page.read(page.write(view)), view);
      }
    }
  }
});

test("points of one's own stand where no server hears of them", () => {
  const view = page.standard();
  Object.assign(view.choice, { data: "drawn", points: "0.5,-1,0;1e-3,2,3" });
  const address = page.write(view);
  assert.equal(address.split("#")[1], "points=0.5,-1,0;1e-3,2,3");
  assert.equal(page.read(address).choice.points, view.choice.points);
});

test("a rival of another strategy has that one's usual numbers", () => {
  const { rival } = page.read("?strategy=openai_es&sigma=0.7&seed=4&rival-strategy=hill_climbing");
  assert.deepEqual(rival.numbers, page.defaults("hill_climbing"));
  assert.equal(rival.seed, 4);
});

for (const activation of ["relu", "tanh", "sign", "step"]) {
  test(`pictures see the networks that the engine sees: ${activation}`, () => {
    for (const hidden of [[], [3], [6, 5]]) {
      const choice = { ...page.standard().choice, hidden, activation, samples: 90 };
      const settings = page.settingsOf(choice);
      const search = new page.Search(settings, (...about) => new page.PlainEvaluator(...about));
      search.step(3, 10_000);
      const { best, loss, accuracy } = search.state();
      const shape = page.shapeOf(choice);
      const { x, label } = settings.points;
      assert.ok(Math.abs(page.crossEntropy(shape, best, x, label) - loss) < 1e-5);
      const out = page.outputs(shape, best, x);
      const right = [...label].filter((one, row) =>
        [0, 1, 2].every((c) => out[c * label.length + row] <= out[one * label.length + row]),
      );
      assert.ok(Math.abs(right.length / label.length - accuracy) < 0.02);
    }
  });
}

test("a record stays small and keeps its order", () => {
  const record = new page.Record();
  for (let i = 0; i < 20_000; i++) {
    record.add([{ evaluations: i, passes: i, loss: 1, accuracy: 0, sigma: 1 }]);
  }
  const seen = record.rows.map((row) => row.evaluations);
  assert.ok(seen.length <= 1500 && seen.length > 500);
  assert.equal(seen[0], 0);
  assert.deepEqual(seen, [...seen].sort((a, b) => a - b));
});

test("the story and the quiz say what there is", () => {
  const addresses = [...page.STORY, ...page.QUESTIONS].map(({ query }) => query);
  assert.equal(page.STORY.length, 7);
  for (const address of addresses) {
    const given = new URLSearchParams(address.split("#")[0]);
    const { choice, rival } = page.read(address);
    const { points, ...shown } = { ...choice, hidden: choice.hidden.join(",") || "none" };
    for (const [name, value] of given) {
      if (name === "rival-strategy") assert.equal(rival.strategy, value);
      else if (name !== "speed") assert.equal(String(shown[name] ?? shown.numbers[name]), value);
    }
  }
});
