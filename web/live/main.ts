// The page of all runs: a list that the server keeps up to date, and what is chosen of it.
import { type Curve, type Details, get, type News, post, type Run } from "./api.ts";
import { Chart, css, type Look, short } from "./chart.ts";

const COLORS = ["--blue", "--orange", "--green", "--pink", "--red", "--faint"];
const at = <T extends HTMLElement>(id: string) => document.getElementById(id) as T;
const chart = new Chart(at("chart"));
const curves = new Map<string, { version: number; curve: Curve }>();
let runs: Run[] = []; // those that run first, then the newest
const lines = new Map<string, { of: string; line: HTMLElement }>(); // of the list, as they are drawn
let shown = ""; // id of the run whose page is shown
const laid = new Set<string>(); // and of those that are laid over each other
let drawnDetails = "";

// --- The list ---------------------------------------------------------------------------------------

function color(id: string): string {
  const place = [...laid].indexOf(id);
  if (place >= 0) return COLORS[place % COLORS.length];
  return id === shown && !laid.size ? "--blue" : "--faint";
}

function make<K extends keyof HTMLElementTagNameMap>(tag: K, text = "", name = ""): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  made.textContent = text;
  made.className = name;
  return made;
}

function list(): void {
  at("none").hidden = runs.length > 0;
  at("hint").hidden = runs.length === 0;
  at("search").hidden = runs.length <= 8;
  const wanted = at<HTMLInputElement>("filter").value.trim().toLowerCase();
  const found = runs.filter((run) => `${run.id} ${run.status} ${run.strategy}`.toLowerCase().includes(wanted));
  const place = at("runs");
  const focused = (document.activeElement as HTMLElement | null)?.dataset.key;
  const drawn = found.map((run) => {
    const of = [run.version, color(run.id), laid.has(run.id), run.id === shown, laid.size > 0].join(" ");
    const kept = lines.get(run.id);
    if (kept?.of === of) return kept.line;
    const line = item(run);
    if (kept?.line.parentElement === place) kept.line.replaceWith(line);
    lines.set(run.id, { of, line });
    return line;
  });
  // Lines that stay where they are are not touched.
  if (drawn.length !== place.children.length || drawn.some((line, i) => line !== place.children[i])) {
    place.replaceChildren(...drawn);
  }
  at("unmatched").hidden = found.length > 0 || runs.length === 0;
  if (focused && (document.activeElement as HTMLElement | null)?.dataset.key !== focused) {
    document.querySelector<HTMLElement>(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  }
}

function item(run: Run): HTMLElement {
  const line = make("li");
  line.classList.toggle("here", run.id === shown && !laid.size);
  line.style.setProperty("--line", `var(${color(run.id)})`);
  const tick = make("input");
  tick.type = "checkbox";
  tick.checked = laid.has(run.id);
  tick.dataset.key = `tick ${run.id}`;
  tick.setAttribute("aria-label", `Lay ${run.id} over others`);
  tick.onchange = () => {
    if (tick.checked) laid.add(run.id);
    else laid.delete(run.id);
    remember();
    list();
    void show();
  };
  const button = make("button");
  button.type = "button";
  button.dataset.key = run.id;
  if (run.id === shown) button.setAttribute("aria-current", "true");
  button.append(make("span", run.id, "name"), spark(run), about(run));
  button.onclick = () => {
    shown = run.id;
    laid.clear();
    remember();
    list();
    void show();
  };
  line.append(tick, button);
  return line;
}

function about(run: Run): HTMLElement {
  const place = make("span", "", "about");
  const best = run.accuracy !== null ? `${(100 * run.accuracy).toFixed(1)} %`
    : run.loss !== null ? `${run.objective.replaceAll("_", " ")} ${short(run.loss)}` : "";
  place.append(make("span", run.status, `status ${run.status}`), ` ${[run.strategy, best].filter(Boolean).join(" · ")}`);
  return place;
}

function spark(run: Run): SVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 100 100");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  const values = run.spark.filter((x): x is number => x !== null);
  if (values.length > 1) {
    const positive = values.every((x) => x > 0);
    const ys = values.map((x) => (positive ? Math.log(x) : x));
    const [low, high] = [Math.min(...ys), Math.max(...ys)];
    const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
    line.setAttribute("points", ys.map((y, i) =>
      `${(100 * i) / (ys.length - 1)},${5 + (90 * (high - y)) / (high - low || 1)}`).join(" "));
    svg.append(line);
  }
  return svg;
}

// --- What is chosen -----------------------------------------------------------------------------------

async function curveOf(run: Run): Promise<Curve> {
  const kept = curves.get(run.id);
  if (kept?.version === run.version) return kept.curve;
  const curve = await get<Curve>("api/curve", { id: run.id });
  curves.set(run.id, { version: run.version, curve });
  return curve;
}

function look(): Look {
  return {
    over: at<HTMLSelectElement>("over").value as Look["over"],
    what: at<HTMLSelectElement>("what").value as Look["what"],
    log: at<HTMLInputElement>("scale").checked,
  };
}

let showing = false;
let showAgain = false;

/** Show what is chosen; one at a time, so that no late answer overwrites a later one. */
async function show(): Promise<void> {
  showAgain = true;
  if (showing) return;
  showing = true;
  while (showAgain) {
    showAgain = false;
    await showOnce();
  }
  showing = false;
}

async function showOnce(): Promise<void> {
  const chosen = runs.filter((run) => (laid.size ? laid.has(run.id) : run.id === shown));
  at("chosen").hidden = chosen.length === 0;
  if (!chosen.length) return;
  try {
    const drawn = await Promise.all(chosen.map(async (run) => ({
      name: run.id, color: css(chosen.length > 1 ? color(run.id) : "--blue"), curve: await curveOf(run),
    })));
    chart.draw(drawn, look());
    if (chosen.length > 1) several(chosen);
    else {
      improvements(drawn[0].curve, chosen[0].objective.replaceAll("_", " "));
      await single(chosen[0]);
    }
  } catch (error) {
    at("said").textContent = error instanceof Error ? error.message : String(error);
  }
}

function facts(pairs: [string, string | null][]): void {
  at("facts").replaceChildren(...pairs.filter(([, text]) => text).map(([name, text]) => {
    const pair = make("div");
    pair.append(make("dt", name), make("dd", text as string));
    return pair;
  }));
}

function several(chosen: Run[]): void {
  drawnDetails = "";
  at("title").textContent = `${chosen.length} runs`;
  at("actions").replaceChildren();
  at("more").replaceChildren();
  at("log").hidden = true;
  facts(chosen.map((run) => [run.id, run.accuracy !== null ? `${(100 * run.accuracy).toFixed(1)} %` : run.loss === null ? run.status : short(run.loss)]));
}

const LOGGED = 200; // lines of the log at most

/** What got better, the latest first. */
function improvements(curve: Curve, quantity: string): void {
  const best = curve.best_loss ?? [];
  const rows = best.map((_, i) => i).filter((i) => best[i] !== null && best[i] !== (best[i - 1] ?? null));
  at("log").hidden = rows.length === 0;
  at("improvements").replaceChildren(...rows.slice(-LOGGED).reverse().map((i) => {
    const right = curve.best_accuracy?.[i];
    const parts = [`evaluation ${(curve.evaluations?.[i] ?? 0).toLocaleString("en")}`, `${quantity} ${short(best[i] as number)}`];
    if (typeof right === "number") parts.push(`accuracy ${(100 * right).toFixed(1)} %`);
    return make("li", parts.join(", "));
  }));
}

const percent = (x: number | null) => (x === null ? null : `${(100 * x).toFixed(1)} %`);

async function single(run: Run): Promise<void> {
  at("title").textContent = run.id;
  facts([
    ["status", run.why ? `${run.status}: ${run.why}` : run.status],
    [run.kind === "program" ? "program" : "data", run.data], ["strategy", run.strategy],
    ["evaluations", run.evaluations?.toLocaleString("en") ?? null],
    ["time", run.seconds === null ? null : `${run.seconds.toFixed(1)} s`],
    [`best ${run.objective.replaceAll("_", " ")}`, run.loss === null ? null : short(run.loss)],
    ["accuracy in training", percent(run.accuracy)],
    ["on validation rows", run.validation === null ? null : short(run.validation)],
    ["accuracy on test rows", percent(run.test_accuracy)],
  ]);
  act(run);
  const key = `${run.id} ${run.status} ${run.status === "running" ? "" : run.version}`;
  if (key === drawnDetails) return;
  drawnDetails = key;
  details(await get<Details>("api/run", { id: run.id }));
}

function act(run: Run): void {
  const wanted = run.status === "running" ? "stop" : run.kind === "network" && run.status !== "unknown" ? "resume" : "";
  const place = at("actions");
  if (place.dataset.of === `${wanted} ${run.id}`) return;
  place.dataset.of = `${wanted} ${run.id}`;
  place.replaceChildren();
  if (!wanted) return;
  const button = make("button", wanted === "stop" ? "Stop and save" : run.status === "finished" ? "Resume for 15 s" : "Resume");
  button.type = "button";
  button.onclick = async () => {
    button.disabled = true;
    at("said").textContent = "...";
    at("said").textContent = await post(`api/${wanted}`, { id: run.id });
    button.disabled = false;
  };
  place.append(button);
}

function details(run: Details): void {
  const parts: HTMLElement[] = [];
  const texts = [run.result.stalled, run.result.advice, ...((run.result.verdict as string[] | null) ?? [])];
  const said = texts.filter((text): text is string => typeof text === "string");
  if (said.length) parts.push(make("h3", "What to know"), ...said.map((text) => make("p", text)));
  if (run.best?.values) {
    parts.push(make("h3", "Best values"), make("pre", JSON.stringify(run.best.values, null, 2)));
  }
  if (run.pictures.length) {
    const grid = make("div", "", "pictures");
    // What the curves above do not show comes first.
    const drawn = (name: string) => Number(name === "loss.png" || name === "accuracy.png");
    for (const name of [...run.pictures].sort((a, b) => drawn(a) - drawn(b))) {
      const figure = make("figure");
      const image = make("img");
      const title = name.replace(".png", "").replaceAll("_", " ");
      image.alt = title;
      image.src = `picture?${new URLSearchParams({ id: run.id, name, version: `${run.version}` })}`;
      figure.append(image, make("figcaption", title));
      grid.append(figure);
    }
    parts.push(make("h3", "Pictures"), grid);
  }
  if (run.command) parts.push(make("h3", "Command"), make("pre", run.command.command));
  if (run.card) {
    const link = make("a", "Open the model card");
    link.href = `card?${new URLSearchParams({ id: run.id })}`;
    link.target = "_blank";
    parts.push(make("h3", "What was trained on what, and how good it is"), link);
  }
  at("more").replaceChildren(...parts);
}

// --- What is remembered in the address, and what the server tells -------------------------------------

function remember(): void {
  const address = new URL(location.href);
  address.hash = new URLSearchParams(laid.size ? { over: [...laid].join("|") } : { run: shown }).toString();
  history.replaceState(null, "", address);
}

function recall(): void {
  const kept = new URLSearchParams(location.hash.slice(1));
  shown = kept.get("run") ?? "";
  for (const id of kept.get("over")?.split("|") ?? []) laid.add(id);
}

function told({ root, first, gone, runs: changed }: News): void {
  at("root").textContent = `in ${root}`;
  const known = new Map(first ? [] : runs.map((run) => [run.id, run]));
  for (const id of gone) known.delete(id);
  for (const run of changed) known.set(run.id, run);
  const running = (run: Run) => (run.status === "running" ? 1 : 0);
  runs = [...known.values()].sort((a, b) => running(b) - running(a) || b.begun - a.begun || (a.id < b.id ? -1 : 1));
  for (const id of laid) if (!known.has(id)) laid.delete(id);
  for (const each of [curves, lines]) for (const id of each.keys()) if (!known.has(id)) each.delete(id);
  const before = shown;
  if (!known.has(shown)) shown = runs[0]?.id ?? "";
  list();
  const seen = (id: string) => (laid.size ? laid.has(id) : id === shown);
  if (first || shown !== before || gone.length || changed.some((run) => seen(run.id))) void show();
}

for (const id of ["over", "what", "scale"]) at(id).onchange = () => void show();
at("filter").oninput = list;
recall();
const events = new EventSource("events");
events.addEventListener("runs", (event) => told(JSON.parse((event as MessageEvent<string>).data)));
events.onopen = () => (at("connection").textContent = "Following");
events.onerror = () => (at("connection").textContent = "Not connected: is gradless watch still running?");
