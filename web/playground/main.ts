// The playground: opens the view of its address, and lets one change everything in it.
import { read, SPEEDS, write, type Choice, type View } from "./page/address.ts";
import { App } from "./page/app.ts";
import { windowOf } from "./page/boundary.ts";
import { nameOf, pointsOf } from "./page/choices.ts";
import { Controls } from "./page/controls.ts";
import { byId, download, element, say } from "./page/dom.ts";
import { Drawing } from "./page/drawing.ts";
import { commandLine, FILE, pointsAsCsv, pythonLines, weightsAsJson } from "./page/exporting.ts";
import { film } from "./page/film.ts";
import { few, onNewColors, whole } from "./page/look.ts";
import { readTable } from "./page/owndata.ts";
import { Paint, percent } from "./page/paint.ts";
import { Quiz } from "./page/quiz.ts";
import { STORY } from "./page/story.ts";

const calm = matchMedia("(prefers-reduced-motion: reduce)");
const app = new App(read(location.search + location.hash), changed);
const paint = new Paint(app);
const controls = new Controls((choice) => keepGoing(() => app.choose(choice)));
const drawing = new Drawing(app, paint);

function changed(what: "view" | "state" | "playing"): void {
  if (what === "view") {
    showView();
    paint.begin();
  }
  if (what === "playing") {
    showPlaying();
    paint.all();
  }
}

/** Change something, and let what was running run again. */
function keepGoing(change: () => void): void {
  const { playing } = app;
  change();
  app.play(playing);
}

// --- What is shown --------------------------------------------------------------------------------

function showView(): void {
  const { view } = app;
  controls.show(app.choice);
  drawing.show();
  byId("speed", HTMLSelectElement).value = view.speed;
  for (const input of document.querySelectorAll<HTMLInputElement>('input[name="axis"]')) {
    input.checked = input.value === view.axis;
  }
  const racing = view.rival !== null;
  byId("sides").hidden = !racing;
  byId("figure-b").hidden = !racing;
  byId("name-a").hidden = !racing;
  document.body.classList.toggle("racing", racing);
  byId("race").setAttribute("aria-pressed", String(racing));
  say(byId("race"), racing ? "End the race" : "Race a second setting");
  if (view.rival) {
    const [a, b] = [nameOf(view.choice, view.rival), nameOf(view.rival, view.choice)];
    say(byId("side-a"), `First: ${a}`);
    say(byId("side-b"), `Second: ${b}`);
    byId("side-a").setAttribute("aria-pressed", String(app.side === "a"));
    byId("side-b").setAttribute("aria-pressed", String(app.side === "b"));
  }
  showStory();
  showExports();
}

function showExports(): void {
  const evaluations = app.runner.state?.evaluations ?? 0;
  const { choice } = app;
  say(byId("command"), commandLine(choice, evaluations));
  say(byId("python"), pythonLines(choice, evaluations));
  byId("needs-points").hidden = !byId("command").textContent!.includes(FILE);
}

function showPlaying(): void {
  say(byId("play"), app.playing ? "Pause" : "Play");
  if (!app.playing) showExports();
  const { state } = app.runner;
  if (app.playing) say(byId("status"), "The search runs.");
  else if (state?.evaluations) {
    say(
      byId("status"),
      `Paused after ${whole(state.evaluations)} networks: loss ${few(state.loss)}, ${percent(state.accuracy)} right.`,
    );
  }
}

function showStory(): void {
  const { step } = app.view;
  document.querySelectorAll("#steps a").forEach((link, index) => {
    if (index + 1 === step) link.setAttribute("aria-current", "step");
    else link.removeAttribute("aria-current");
  });
  const told = STORY[step - 1];
  byId("telling").hidden = !told;
  if (!told) return;
  say(byId("telling-title"), `${step}. ${told.title}`);
  byId("telling-text").replaceChildren(...told.text.map((text) => element("p", {}, text)));
  const next = byId("telling-next", HTMLAnchorElement);
  next.hidden = step === STORY.length;
  if (step < STORY.length) {
    next.href = withStep(STORY[step].query, step + 1);
    say(next, `Next: ${lower(STORY[step].title)}`);
  }
}

/** A query, which may have points behind a #, with the step of the story that it is. */
function withStep(query: string, step: number): string {
  const [before, ...behind] = query.split("#");
  return [`${before}&step=${step}`, ...behind].join("#");
}

const lower = (text: string) => text[0].toLowerCase() + text.slice(1);

// --- Going somewhere ------------------------------------------------------------------------------

function go(query: string, part: Partial<View> = {}): void {
  const view = { ...read(query), ...part };
  history.pushState(null, "", write(view));
  app.open(view, !calm.matches);
}

for (const [index, { title, query }] of STORY.entries()) {
  const link = element("a", { href: withStep(query, index + 1) }, title);
  byId("steps").append(element("li", {}, link));
}
document.addEventListener("click", (event) => {
  const link = (event.target as Element).closest<HTMLAnchorElement>("#steps a, #telling-next");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  quiz.end();
  const { search, hash } = new URL(link.href);
  go(search + hash);
});
document.querySelector(".skip")!.addEventListener("click", (event) => {
  event.preventDefault(); // the part of the address behind # is for points
  byId("stage").focus();
});
addEventListener("popstate", () => {
  quiz.end();
  app.open(read(location.search + location.hash), !calm.matches);
});
const quiz = new Quiz(
  (query, until) => go(query, { until, step: 0 }),
  (open) => {
    paint.asking = open;
    paint.all();
  },
);

// --- Running --------------------------------------------------------------------------------------

byId("play").addEventListener("click", () => {
  if (!app.playing && app.view.until) app.view.until = 0; // further than it was meant to go
  app.play(!app.playing);
});
byId("one").addEventListener("click", () => app.one());
byId("reset").addEventListener("click", () => {
  app.play(false);
  app.reset();
  paint.begin();
});
const speed = byId("speed", HTMLSelectElement);
for (const [value, title] of Object.entries(SPEEDS)) speed.append(new Option(title, value));
speed.addEventListener("change", () => {
  app.view.speed = speed.value;
  app.remember();
  app.play(app.playing);
});
for (const input of document.querySelectorAll<HTMLInputElement>('input[name="axis"]')) {
  input.addEventListener("change", () => {
    app.view.axis = input.value === "passes" ? "passes" : "evaluations";
    app.remember();
    paint.all();
  });
}
byId("race").addEventListener("click", () =>
  keepGoing(() => app.race(app.view.rival ? null : rivalOf(app.view.choice))),
);
for (const side of ["a", "b"] as const) {
  byId(`side-${side}`).addEventListener("click", () => {
    app.side = side;
    changed("view");
  });
}

/** Something worth a comparison: another way to search. */
function rivalOf(choice: Choice): Choice {
  const strategy = choice.strategy === "openai_es" ? "hill_climbing" : "openai_es";
  return { ...read(`?strategy=${strategy}`).choice, ...choice, strategy, numbers: read(`?strategy=${strategy}`).choice.numbers };
}

// --- Tables ---------------------------------------------------------------------------------------

async function take(file: File | undefined): Promise<void> {
  if (!file) return;
  const [note, error] = [byId("file-note"), byId("file-error")];
  try {
    if (file.size > 5e6) throw new Error("The file is larger than 5 MB; a table of points is smaller.");
    const table = readTable(await file.text());
    keepGoing(() => app.choose({ ...app.choice, data: "table", points: table.points }));
    say(note, `${file.name}: ${table.note}`);
    error.hidden = true;
  } catch (problem) {
    error.hidden = false;
    say(error, `${file.name}: ${(problem as Error).message}`);
    error.scrollIntoView({ block: "nearest" }); // it may have been dropped far from here
  }
}
const file = byId("file", HTMLInputElement);
file.addEventListener("change", () => {
  void take(file.files?.[0]);
  file.value = ""; // the same file may be chosen again
});
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dropping");
});
document.addEventListener("dragleave", () => document.body.classList.remove("dropping"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  void take(event.dataTransfer?.files[0]);
});

// --- Taking it along ------------------------------------------------------------------------------

const tell = (text: string) => say(byId("export-note"), text);

async function copy(text: string, what: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    tell(`${what} copied.`);
  } catch {
    tell(`This browser does not let the page copy. ${what}: ${text}`);
  }
}
byId("copy-link").addEventListener("click", () =>
  copy(new URL(write(app.view), location.href).href, "Link"),
);
byId("copy-command").addEventListener("click", () => copy(byId("command").textContent!, "Command"));
byId("copy-python").addEventListener("click", () => copy(byId("python").textContent!, "Python"));
byId("save-points").addEventListener("click", () =>
  download(FILE, [pointsAsCsv(app.view.choice)], "text/csv"),
);
byId("save-weights").addEventListener("click", () => {
  const { state } = app.runner;
  if (!state?.evaluations) return tell("Let it search first: there is no network yet.");
  const json = weightsAsJson(app.choice, paint.shape(app.runner), state);
  download("weights.json", [json], "application/json");
});
byId("save-gif").addEventListener("click", async () => {
  const { snapshots } = app.runner;
  if (!snapshots.length) return tell("Let it search first: there is nothing to film yet.");
  const points = pointsOf(app.view.choice);
  const bytes = await film(
    [...snapshots], paint.shape(app.runner), points, windowOf(points),
    (share) => tell(`Drawing the film: ${Math.round(100 * share)} %`),
  );
  download("gradless.gif", [bytes], "image/gif");
  tell(`A film of ${Math.round(bytes.length / 1000)} kB.`);
});

// --- The clock ------------------------------------------------------------------------------------

function frame(now: number): void {
  app.tick(now);
  paint.frame(now);
  requestAnimationFrame(frame);
}
onNewColors(() => paint.begin());
addEventListener("resize", () => paint.all());
app.open(app.view, !calm.matches);
requestAnimationFrame(frame);
