// Colours of the style sheet as numbers, and canvases as sharp as the screen.

export type Rgb = [number, number, number];

export interface Colors {
  ink: string;
  note: string;
  faint: string;
  grid: string;
  paper: string;
  card: string;
  blue: string;
  orange: string;
  classes: Rgb[];
  paperRgb: Rgb;
}

export const MOST_CLASSES = 6;

let known: Colors | null = null;

/** The colours of the moment: light or dark. */
export function colors(): Colors {
  if (known) return known;
  // A custom property is text; a colour that uses it is resolved.
  const probe = document.body.appendChild(document.createElement("span"));
  const rgb = (name: string): Rgb => {
    probe.style.color = `var(--${name})`;
    const parts = getComputedStyle(probe).color.match(/[\d.]+/g) ?? ["0", "0", "0"];
    return [Number(parts[0]), Number(parts[1]), Number(parts[2])];
  };
  const text = (name: string) => css(rgb(name));
  known = {
    ink: text("ink"),
    note: text("note"),
    faint: text("faint"),
    grid: text("grid"),
    paper: text("paper"),
    card: text("card"),
    blue: text("blue"),
    orange: text("orange"),
    classes: Array.from({ length: MOST_CLASSES }, (_, index) => rgb(`class-${index}`)),
    paperRgb: rgb("paper"),
  };
  probe.remove();
  return known;
}

export function onNewColors(redraw: () => void): void {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    known = null;
    redraw();
  });
}

export const css = ([r, g, b]: Rgb, alpha = 1) => `rgba(${r}, ${g}, ${b}, ${alpha})`;

export interface Sheet {
  context: CanvasRenderingContext2D;
  width: number;
  height: number;
}

/** A canvas, cleared, in units of CSS pixels; null where it is not shown. */
export function sheet(canvas: HTMLCanvasElement): Sheet | null {
  const { clientWidth: width, clientHeight: height } = canvas;
  if (!width || !height) return null;
  const scale = Math.min(window.devicePixelRatio || 1, 2);
  const [w, h] = [Math.round(width * scale), Math.round(height * scale)];
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
  }
  const context = canvas.getContext("2d")!;
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = "12px system-ui, sans-serif";
  return { context, width, height };
}

export const FONT = "12px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";

/** A mark of a class: classes differ in shape as well as in colour. */
export function mark(
  context: CanvasRenderingContext2D,
  kind: number,
  x: number,
  y: number,
  size: number,
): void {
  context.beginPath();
  const corners: [number, number][] | null =
    kind === 1
      ? [[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]]
      : kind === 2
        ? [[0, -1.25], [1.15, 0.85], [-1.15, 0.85]]
        : kind === 3
          ? [[0, -1.3], [1.3, 0], [0, 1.3], [-1.3, 0]]
          : kind === 4
            ? [[0, 1.25], [1.15, -0.85], [-1.15, -0.85]]
            : null;
  if (corners) {
    corners.forEach(([dx, dy], i) =>
      i ? context.lineTo(x + dx * size, y + dy * size) : context.moveTo(x + dx * size, y + dy * size),
    );
    context.closePath();
  } else if (kind === 5) {
    context.rect(x - 1.4 * size, y - 0.5 * size, 2.8 * size, size);
  } else {
    context.arc(x, y, size, 0, 7);
  }
  context.fill();
  context.stroke();
}

export const whole = (value: number) => Math.round(value).toLocaleString("en-US");

/** A number with few digits, never a power. */
export function few(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1000) return whole(value);
  return Number(value.toPrecision(3)).toString().includes("e")
    ? value.toExponential(0)
    : Number(value.toPrecision(3)).toString();
}

/** Large counts at an axis: 20k, 1.5M. */
export function short(value: number): string {
  const units: [number, string][] = [[1e9, "G"], [1e6, "M"], [1e3, "k"]];
  for (const [size, unit] of units) if (value >= size) return `${+(value / size).toPrecision(3)}${unit}`;
  return String(+value.toPrecision(3));
}
