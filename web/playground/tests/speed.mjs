// How many networks of 2-64-3 on 300 points are judged in a second of processor time?
//
//   npm run speed              (on Linux, one core: taskset -c 0 npm run speed)
import { bundled, kernel } from "./bundled.mjs";

const { generated } = await bundled("data.ts");
const engine = await bundled("tests/engine.ts");
const points = generated("spiral", 300, 0.2, 0);

/** Evaluations in a second of processor time, all of the search included. */
function speed(make, strategy, numbers, seconds) {
  const search = new engine.Search(
    { points, classes: 3, hidden: [64], activation: "relu", strategy, numbers, seed: 0 }, make,
  );
  search.step(Infinity, 300); // until it is compiled
  const before = search.state().evaluations, begun = process.cpuUsage();
  search.step(Infinity, 1000 * seconds);
  const { user, system } = process.cpuUsage(begun);
  return (search.state().evaluations - before) / ((user + system) / 1e6);
}

for (const [name, make] of Object.entries(engine.evaluators(await kernel()))) {
  for (const [strategy, numbers] of [
    ["random_search", {}], ["hill_climbing", {}], ["openai_es", {}],
  ]) {
    const found = Math.round(speed(make, strategy, numbers, 3)).toLocaleString("en");
    console.log(`${name}, ${strategy}: ${found} evaluations a second of processor time`);
  }
}
