// Curves of one run or several, laid over each other.
import uPlot from "uplot";
import type { Curve } from "./api.ts";

export interface Drawn {
  name: string;
  color: string;
  curve: Curve;
}

export interface Look {
  over: "evaluations" | "seconds";
  what: "loss" | "accuracy";
  log: boolean;
}

const HEIGHT = 340;

export class Chart {
  private plot: uPlot | null = null;
  private made = ""; // of which series and look

  constructor(private place: HTMLElement) {
    new ResizeObserver(() => this.plot?.setSize(this.size())).observe(place);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => (this.made = ""));
  }

  private size() {
    return { width: Math.max(280, this.place.clientWidth), height: HEIGHT };
  }

  draw(runs: Drawn[], look: Look): void {
    this.place.setAttribute("aria-label", `Curves of ${look.what} over ${look.over}: ${runs.map((run) => run.name).join(", ")}`);
    // Scores that are better when they are greater may be negative, which no logarithm shows.
    const logarithmic = look.log && look.what === "loss" && !runs.some(({ curve }) => hasNegative(curve));
    const tables: uPlot.AlignedData[] = [];
    const series: uPlot.Series[] = [{ label: look.over, value: latest }];
    const add = (label: string, color: string, x: unknown[] | undefined, y: unknown[] | undefined, dash?: number[]) => {
      if (!x?.length || !y?.length) return;
      const kept = y.map((value) => (logarithmic && !(typeof value === "number" && value > 0) ? null : value));
      tables.push([x, kept] as unknown as uPlot.AlignedData);
      series.push({ label, value: latest, stroke: color, width: dash ? 1.4 : 2, dash, spanGaps: true, points: { show: (plot) => plot.data[0].length === 1 } });
    };
    for (const { name, color, curve } of runs) {
      const x = curve[look.over];
      add(runs.length > 1 ? name : "best so far", color, x, look.what === "loss" ? curve.best_loss : curve.best_accuracy);
      if (runs.length > 1) continue;
      add("at the time", fade(color), x, look.what === "loss" ? curve.loss : curve.accuracy, [2, 3]);
      if (look.what === "loss" && look.over === "evaluations") {
        add("validation", css("--orange"), curve.validation?.evaluations, curve.validation?.loss);
      }
    }
    if (!tables.length) {
      this.plot?.destroy();
      this.plot = null;
      this.made = "";
      this.place.textContent = "Nothing to draw yet.";
      return;
    }
    const data = uPlot.join(tables);
    const made = JSON.stringify([look, logarithmic, series.map((each) => [each.label, String(each.stroke)])]);
    if (this.plot && made === this.made) {
      this.plot.setData(data);
      return;
    }
    this.plot?.destroy();
    this.place.textContent = "";
    this.made = made;
    const axis = { stroke: css("--note"), grid: { stroke: css("--grid"), width: 1 }, ticks: { stroke: css("--grid"), width: 1 } };
    this.plot = new uPlot(
      {
        ...this.size(), series,
        scales: { x: { time: false }, y: logarithmic ? { distr: 3, range: (_, low, high) => (low > 0 && high > 0 ? [low / 1.2, high * 1.2] : [0.1, 1]) } : {} },
        axes: [{ ...axis, label: look.over, values: (_, ticks) => ticks.map(short) }, { ...axis, size: 64, values: (_, ticks) => ticks.map((x) => (x === null ? "" : short(x))) }],
      },
      data, this.place,
    );
  }
}

/** A value of the legend: under the cursor, or else the latest. */
function latest(plot: uPlot, value: number | null, series: number): string {
  const known = value === null ? Array.from(plot.data[series] ?? []).filter((each) => each != null) : [value];
  return known.length ? short(known[known.length - 1] as number) : "";
}

function hasNegative(curve: Curve): boolean {
  return [curve.loss, curve.best_loss, curve.validation?.loss].some((column) => column?.some((x) => x !== null && x < 0));
}

export function css(name: string): string {
  // Colours that depend on light and dark are worked out by the browser.
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const color = getComputedStyle(probe).color;
  probe.remove();
  return color;
}

function fade(color: string): string {
  return `color-mix(in srgb, ${color} 55%, transparent)`;
}

/** 12000 as 12k, 0.00012 as 1.2e-4. */
export function short(x: number): string {
  const size = Math.abs(x);
  if (size >= 1e6) return `${+(x / 1e6).toPrecision(3)}M`;
  if (size >= 1e4) return `${+(x / 1e3).toPrecision(3)}k`;
  if (size > 0 && size < 1e-3) return x.toExponential(1).replace(".0e", "e");
  return `${+x.toPrecision(4)}`;
}
