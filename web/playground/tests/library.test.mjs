// The engine finds what the library finds, from the same seed: fixture.json is what that found, made by
// tests/pages/engine_fixture.py.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { bundled, kernel } from "./bundled.mjs";

const fixture = JSON.parse(readFileSync(new URL("fixture.json", import.meta.url)));
const { DATASETS, generated } = await bundled("data.ts");
const { evaluators, ...engine } = await bundled("tests/engine.ts");

function near(found, expected, tolerance, what) {
  assert.equal(found.length, expected.length, what);
  found.forEach((number, i) => {
    assert.ok(
      Math.abs(number - expected[i]) <= tolerance, `${what} ${i}: ${number}, not ${expected[i]}`,
    );
  });
}

for (const expected of fixture.points) {
  test(`points of ${expected.data} are the library's`, () => {
    const info = DATASETS.find((each) => each.name === expected.data);
    const points = generated(info.name, info.samples.default, info.noise.default, expected.seed);
    const rows = [...points.label.keys()].filter((row) => row % 50 === 0);
    near(rows.flatMap((row) => [...points.x.slice(2 * row, 2 * row + 2)]), expected.x, 1e-6, "x");
    assert.deepEqual(rows.map((row) => points.label[row]), expected.label);
  });
}

test("first weights are the library's", () => {
  const { seed, first_weights: expected } = fixture.drawn;
  const network = engine.networkOf([8], 3, "relu");
  const weights = engine.firstWeights(network, seed);
  const drawn = network.layers.flatMap((each) => [...weights.slice(each.weights, each.biases)]);
  near(drawn, expected, 1e-6, "weight");
});

for (const [name, make] of Object.entries(evaluators(await kernel()))) {
  test(`noise of the ${name} is the library's`, () => {
    const { seed, key, member, normals: expected } = fixture.drawn;
    const points = { x: new Float32Array(2), label: new Int32Array(1) };
    const noise = new Float32Array(expected.length);
    make(engine.networkOf([64], 2, "relu"), points)
      .normals(engine.foldIn(engine.keyOf(seed), key), member, noise);
    near(noise, expected, 3e-6, "number");
  });

  for (const expected of fixture.searches) {
    const { strategy, data, activation } = expected;
    test(`${strategy} of the ${name} on ${data}, ${activation}, finds what the library finds`, () => {
      const info = DATASETS.find((each) => each.name === data);
      const search = new engine.Search({
        points: generated(data, info.samples.default, info.noise.default, expected.seed),
        classes: info.classes, hidden: expected.hidden, activation, strategy,
        numbers: expected.numbers, seed: expected.seed,
      }, make);
      const improved = [], losses = [];
      let state;
      for (let generation = 1; generation <= expected.generations; generation++) {
        search.step(1, 1e9);
        state = search.state();
        if (!state.improvements.length) continue;
        improved.push(generation);
        losses.push(state.loss);
      }
      assert.deepEqual(improved, expected.improved);
      near(losses, expected.losses, 1e-4, "loss");
      const every = Math.floor(state.best.length / 8);
      const tolerance = strategy === "openai_es" ? 2e-3 : 1e-4; // ranks and Adam enlarge a rounding
      near(state.best.filter((_, i) => i % every === 0), expected.best, tolerance, "weight");
    });
  }
}
