// Adam's slope is that of the loss, and it learns the spiral; before steps it stands still.
import assert from "node:assert/strict";
import { test } from "node:test";
import { bundled, kernel } from "./bundled.mjs";

const { generated } = await bundled("data.ts");
const { evaluators, ...engine } = await bundled("tests/engine.ts");
const make = evaluators(await kernel()).kernel;

function search(activation) {
  const points = generated("spiral", 300, 0.2, 0);
  return new engine.Search({
    points, classes: 3, hidden: [32], activation, strategy: "adam",
    numbers: { learning_rate: 0.02 }, seed: 1,
  }, make);
}

for (const activation of ["relu", "tanh"]) {
  test(`it learns the spiral with ${activation}`, () => {
    const descent = search(activation);
    descent.step(2000, 1e9);
    const state = descent.state();
    assert.equal(state.evaluations, 6000);
    assert.ok(state.accuracy > 0.85, `${state.accuracy}`);
  });
}

for (const activation of ["sign", "step"]) {
  test(`layers before ${activation} stand still`, () => {
    const descent = search(activation);
    const before = descent.state().center;
    descent.step(50, 1e9);
    const after = descent.state().center;
    const first = 3 * 32; // weights and biases of the hidden layer
    assert.deepEqual(after.slice(0, first), before.slice(0, first));
  });
}
