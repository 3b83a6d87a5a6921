// Drawing points into the picture, by pointer or by keyboard.
import type { App } from "./app.ts";
import { byId, canvas, element } from "./dom.ts";
import { MOST_CLASSES } from "./look.ts";
import { decode, encode, MOST_ROWS } from "./owndata.ts";
import type { Paint } from "./paint.ts";

const APART = 0.06; // of points that are drawn in one go
const ARROW = 0.05;
const NAMES = ["circles", "squares", "triangles", "diamonds", "hearts", "bars"];

export class Drawing {
  private brush = 0;
  private on = canvas("boundary");
  private last: [number, number] | null = null;

  constructor(
    private app: App,
    private paint: Paint,
  ) {
    const brushes = byId("brushes");
    for (let label = 0; label < Math.min(4, MOST_CLASSES); label++) {
      const input = element("input", { type: "radio", name: "brush", value: String(label), checked: !label });
      input.addEventListener("change", () => (this.brush = label));
      brushes.append(element("label", { className: `brush brush-${label}` }, input, ` ${NAMES[label]}`));
    }
    byId("undo").addEventListener("click", () => this.undo());
    byId("clear").addEventListener("click", () => this.set(""));
    this.on.addEventListener("pointerdown", (event) => {
      if (!this.active) return;
      this.on.setPointerCapture(event.pointerId);
      event.preventDefault();
      this.add(this.where(event));
    });
    this.on.addEventListener("pointermove", (event) => {
      if (!this.active || !this.last || !(event.buttons & 1)) return;
      const at = this.where(event);
      if (Math.hypot(at[0] - this.last[0], at[1] - this.last[1]) > APART) this.add(at);
    });
    this.on.addEventListener("pointerup", () => (this.last = null));
    this.on.addEventListener("keydown", (event) => this.key(event));
    this.on.addEventListener("focus", () => {
      if (this.active) this.moveCursor([0, 0]);
    });
    this.on.addEventListener("blur", () => this.moveCursor(null));
  }

  private get active(): boolean {
    return this.app.view.choice.data === "drawn";
  }

  /** The picture is a place to type in only while it can be drawn in. */
  show(): void {
    this.on.classList.toggle("drawable", this.active);
    if (this.active) {
      this.on.tabIndex = 0;
      this.on.setAttribute("aria-describedby", "drawing-help");
    } else {
      this.on.removeAttribute("tabindex");
      this.on.removeAttribute("aria-describedby");
    }
  }

  private where(event: PointerEvent): [number, number] {
    const box = this.on.getBoundingClientRect();
    const clip = (value: number) => Math.max(-1, Math.min(1, value));
    return [
      clip(((event.clientX - box.left) / box.width) * 2 - 1),
      clip(1 - ((event.clientY - box.top) / box.height) * 2),
    ];
  }

  private add(at: [number, number]): void {
    this.last = at;
    const { points } = this.app.view.choice;
    const one = encode([{ x: at[0], y: at[1], label: this.brush }]);
    if (decode(points).label.length < MOST_ROWS) this.set(points ? `${points};${one}` : one);
  }

  private undo(): void {
    this.set(this.app.view.choice.points.split(";").slice(0, -1).join(";"));
  }

  private set(points: string): void {
    const playing = this.app.playing;
    this.app.choose({ ...this.app.choice, data: "drawn", points });
    this.app.play(playing);
  }

  private moveCursor(at: [number, number] | null): void {
    this.paint.cursor = at;
    this.paint.all();
  }

  private key(event: KeyboardEvent): void {
    if (!this.active || event.ctrlKey || event.metaKey || event.altKey) return;
    const [x, y] = this.paint.cursor ?? [0, 0];
    const step = event.shiftKey ? 4 * ARROW : ARROW;
    const moves: Record<string, [number, number]> = {
      ArrowLeft: [-step, 0],
      ArrowRight: [step, 0],
      ArrowUp: [0, step],
      ArrowDown: [0, -step],
    };
    const move = moves[event.key];
    const clip = (value: number) => Math.max(-1, Math.min(1, Number(value.toFixed(3))));
    if (move) this.moveCursor([clip(x + move[0]), clip(y + move[1])]);
    else if (event.key === "Enter" || event.key === " ") this.add([x, y]);
    else if (event.key === "Backspace" || event.key === "Delete") this.undo();
    else return;
    event.preventDefault();
  }
}
