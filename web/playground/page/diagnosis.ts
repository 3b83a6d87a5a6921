// Why does a run get no better? The findings of gradless's own diagnosis, for what the page shows.
import type { Choice } from "./address.ts";
import { strategyOf } from "./catalogue.ts";
import { few, whole } from "./look.ts";
import type { Runner } from "./runner.ts";

const LEAST_EVALUATIONS = 2000; // fewer tell nothing
const IDLE = 0.5; // share of a run without a worthwhile fall that makes a plateau
const WORTHWHILE = 1e-3; // a fall by less than this share of all that it fell is none
const COLLAPSED = 1e-3; // step size, as a share of the first one
const FAR = 1.5; // times the best loss
const DIVERGED = 2; // times the first loss

export type Kind = "learning" | "solved" | "flat" | "collapse" | "divergence" | "plateau" | "short";

export interface Finding {
  kind: Kind;
  text: string;
}

/** What a run's record shows, in a sentence or two. */
export function diagnose(runner: Runner, choice: Choice): Finding {
  const { state, record } = runner;
  const rows = record.rows;
  if (!state || rows.length < 2) return { kind: "short", text: "" };
  if (state.accuracy === 1) {
    return { kind: "solved", text: "Solved: every point is recognised." };
  }
  if (state.evaluations < LEAST_EVALUATIONS && rows.length < 60) return { kind: "short", text: "" };
  const first = rows[0];
  const fallen = first.loss - state.loss;
  if (fallen <= 1e-6 * Math.abs(first.loss)) {
    return {
      kind: "flat",
      text:
        choice.strategy === "adam"
          ? "It stands still: a network of hard steps has a slope of zero everywhere, so gradient descent has nowhere to go."
          : `No change made a difference: the loss has been ${few(state.loss)} all the time. Try larger steps.`,
    };
  }
  const current = state.candidates.length ? state.candidates[0].loss : state.loss;
  if (!Number.isFinite(current) || current > DIVERGED * Math.max(first.loss, state.loss)) {
    return { kind: "divergence", text: "It has moved to where it is worse than at the start: the steps are too large." };
  }
  const since = rows.find((row) => row.loss <= state.loss + WORTHWHILE * fallen) ?? first;
  const idle = state.evaluations - since.evaluations;
  const share = idle / state.evaluations;
  if (share < IDLE) return { kind: "learning", text: "Still getting better." };
  const long = `No better for ${whole(idle)} networks, ${Math.floor(100 * share)} % of the run.`;
  if (state.sigma > 0 && state.sigma < COLLAPSED * first.sigma) {
    return { kind: "collapse", text: `${long} The steps have become tiny: ${few(state.sigma)}.` };
  }
  return { kind: "plateau", text: `${long} ${advice(runner, choice)}` };
}

function advice(runner: Runner, choice: Choice): string {
  const { strategy, hidden, activation } = choice;
  if (strategy === "random_search") return "Guesses that forget all others rarely improve.";
  if (!hidden.length) return "Without a hidden layer, all borders are straight: add a layer.";
  if (strategy === "adam" && (activation === "sign" || activation === "step")) {
    return "Hard steps have no slope: before them, gradient descent stands still.";
  }
  if (hidden.some((size) => size < 4)) return "Try more neurons.";
  const { candidates, loss } = runner.state!;
  const typical = candidates[candidates.length >> 1]?.loss ?? loss;
  if (typical > FAR * loss) return "Most candidates are far worse than the best: try smaller steps.";
  const more = strategyOf(strategy).parameters.find((one) => one.name === "population");
  return more ? `Try more ${more.label}, or another seed.` : "Try larger steps, another seed, or more neurons.";
}
