// A stand-in until there is an engine.
import type { Settings, State, ToEngine } from "./protocol.ts";
import { crossEntropy, outputs, parameters, type Shape } from "./page/network.ts";
let s: Settings, shape: Shape, st: State;
const n = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(6.2832 * Math.random());
onmessage = (e: MessageEvent<ToEngine>) => {
  const m = e.data;
  if (m.kind === "reset") {
    s = m.settings;
    shape = { sizes: [2, ...s.hidden, s.classes], activation: s.activation };
    const w = new Float32Array(parameters(shape)).map(() => 0.3 * n());
    st = { generation: 0, evaluations: 0, passes: 0, seconds: 0, best: w, loss: Infinity, accuracy: 0,
      center: w, sigma: s.numbers.sigma, candidates: [], history: [], improvements: [] };
  } else {
    st.history = []; st.improvements = [];
    const t = performance.now();
    for (let g = 0; g < m.generations && performance.now() - t < m.milliseconds; g++) {
      st.candidates = Array.from({ length: 24 }, () => {
        const weights = st.center.map((v) => v + st.sigma * n());
        return { weights, loss: crossEntropy(shape, weights, s.points.x, s.points.label), won: false };
      }).sort((a, b) => a.loss - b.loss);
      st.generation++; st.evaluations += 24; st.passes += 24 * s.points.label.length;
      const c = st.candidates[0];
      if (c.loss < st.loss) {
        c.won = true; st.loss = c.loss; st.best = st.center = c.weights;
        const o = outputs(shape, st.best, s.points.x), rows = s.points.label.length;
        let right = 0;
        for (let r = 0; r < rows; r++) { let b = 0; for (let k = 1; k < s.classes; k++) if (o[k * rows + r] > o[b * rows + r]) b = k; right += +(b === s.points.label[r]); }
        st.accuracy = right / rows;
        st.improvements.push({ iteration: st.evaluations, loss: st.loss, accuracy: st.accuracy });
      }
      st.history.push({ evaluations: st.evaluations, passes: st.passes, loss: st.loss, accuracy: st.accuracy, sigma: st.sigma });
    }
    st.seconds += (performance.now() - t) / 1000;
  }
  postMessage({ kind: "state", state: st });
};
