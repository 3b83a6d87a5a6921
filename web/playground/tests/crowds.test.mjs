// Strategies of which the engine has a form of its own: they learn, and say what they cannot do.
import assert from "node:assert/strict";
import { test } from "node:test";
import { bundled, kernel } from "./bundled.mjs";

const { generated } = await bundled("data.ts");
const { evaluators, ...engine } = await bundled("tests/engine.ts");
const [make] = Object.values(evaluators(await kernel()));

const settings = (more) => ({
  points: generated("spiral", 60, 0.2, 0), classes: 3, hidden: [16], activation: "tanh",
  numbers: {}, seed: 0, ...more,
});

for (const [strategy, loss] of [["genetic_algorithm", 0.95], ["cma_es", 0.75]]) {
  test(`${strategy} learns`, () => {
    const search = new engine.Search(settings({ strategy }), make);
    while (search.state().evaluations < 40_000) search.step(50, 1e9);
    const state = search.state();
    assert.ok(state.loss < loss, `loss ${state.loss}`);
    assert.equal(state.candidates.length, 24);
    assert.ok(state.candidates.some((each) => each.won));
    assert.ok(state.sigma > 0 && Number.isFinite(state.sigma));
  });

  test(`${strategy} is the same for a seed, and another one for another`, () => {
    const [first, again, other] = [1, 1, 2].map((seed) => {
      const search = new engine.Search(settings({ strategy, seed }), make);
      search.step(20, 1e9);
      return search.state().loss;
    });
    assert.equal(first, again);
    assert.notEqual(first, other);
  });

  test(`${strategy} needs a crowd`, () => {
    const given = settings({ strategy, numbers: { population: 2 } });
    assert.throws(() => new engine.Search(given, make), /must be 4 or more, got 2/);
  });
}

test("cma_es says how large a network may be", () => {
  const given = settings({ strategy: "cma_es", hidden: [100] });
  assert.throws(() => new engine.Search(given, make), /at most 400 weights, this one has 603/);
});
