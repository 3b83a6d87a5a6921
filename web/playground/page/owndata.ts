// Points of one's own: a table of two columns of numbers and a class, or drawn by hand.
import type { Points } from "../protocol.ts";
import { MOST_CLASSES } from "./look.ts";

export const MOST_ROWS = 500; // an address has to carry them
const HOW = "It must be a table of three columns: two of numbers and one of classes.";
const EXAMPLE = "For example:\nlength,width,kind\n1.4,0.2,setosa\n4.7,1.4,versicolor";

export interface Table {
  points: string; // as an address has them
  note: string; // what has been done with it
}

/** Points as an address has them: x,y,class;x,y,class; ... */
export function encode(rows: { x: number; y: number; label: number }[]): string {
  return rows.map(({ x, y, label }) => `${short(x)},${short(y)},${label}`).join(";");
}

const short = (value: number) => String(Number(value.toPrecision(4)));

/** Points of an address; what is no point is left out. */
export function decode(text: string): Points {
  const x: number[] = [];
  const label: number[] = [];
  for (const part of text.split(";").slice(0, MOST_ROWS)) {
    const [a, b, c] = part.split(",").map((cell) => (cell.trim() === "" ? NaN : Number(cell)));
    if (Number.isFinite(a) && Number.isFinite(b) && Number.isInteger(c) && c >= 0 && c < MOST_CLASSES) {
      x.push(a, b);
      label.push(c);
    }
  }
  return { x: Float32Array.from(x), label: Int32Array.from(label) };
}

/** Classes that a network tells apart: those up to the highest, two at least. */
export function classesOf(points: Points): number {
  return points.label.reduce((most, label) => Math.max(most, label + 1), 2);
}

/** Read a table; what is wrong with it is an error that says what it must be. */
export function readTable(text: string): Table {
  const lines = text.replace(/^\ufeff/, "").split(/\r\n|\r|\n/).filter((line) => line.trim() !== "");
  if (!lines.length) throw new Error(`The file is empty. ${HOW} ${EXAMPLE}`);
  const delimiter = [";", "\t", ","].find((one) => lines[0].includes(one));
  if (!delimiter) throw new Error(`The first line has one column: ${quoted(lines[0])}. ${HOW} ${EXAMPLE}`);
  const cells = lines.map((line) => split(line, delimiter));
  const width = cells[0].length;
  if (width !== 3) throw new Error(`The first line has ${width} columns. ${HOW} ${EXAMPLE}`);
  const comma = delimiter !== ","; // then a comma may stand before decimals
  const number = (cell: string) =>
    cell === "" ? NaN : Number(comma ? cell.replace(",", ".") : cell);
  const header = cells[0].every((cell) => !Number.isFinite(number(cell)));
  const rows = header ? cells.slice(1) : cells;
  const target = targetOf(rows, number);
  const features = [0, 1, 2].filter((column) => column !== target);
  const names = new Map<string, number>();
  const points: { x: number; y: number; label: number }[] = [];
  rows.forEach((row, index) => {
    const line = index + 1 + (header ? 1 : 0);
    if (row.length !== 3) throw new Error(`Line ${line} has ${row.length} columns, others have 3. ${HOW}`);
    const [x, y] = features.map((column) => number(row[column]));
    const wrong = features.find((column) => !Number.isFinite(number(row[column])));
    if (wrong !== undefined) {
      throw new Error(`Line ${line} has ${quoted(row[wrong])} where a number must be. ${HOW}`);
    }
    const name = row[target];
    if (name === "") throw new Error(`Line ${line} has no class. ${HOW}`);
    if (!names.has(name)) names.set(name, names.size);
    points.push({ x, y, label: names.get(name)! });
  });
  if (names.size < 2 || names.size > MOST_CLASSES) {
    throw new Error(
      `The table has ${names.size} ${names.size === 1 ? "class" : "classes"}; there must be 2 to ${MOST_CLASSES}. ${HOW}`,
    );
  }
  return scaled(points, [...names.keys()]);
}

/** The column of classes is one of texts, or else the last one. */
function targetOf(rows: string[][], number: (cell: string) => number): number {
  const texts = [0, 1, 2].filter((column) =>
    rows.every((row) => row.length === 3 && !Number.isFinite(number(row[column]))),
  );
  return texts.length === 1 ? texts[0] : 2;
}

/** Columns of mean 0 and deviation 1, as gradless scales tables; an even part of many rows. */
function scaled(points: { x: number; y: number; label: number }[], names: string[]): Table {
  const every = Math.ceil(points.length / MOST_ROWS);
  const kept = points.filter((_, index) => index % every === 0);
  const scale = (values: number[]) => {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    return (value: number) => (value - mean) / (Math.sqrt(variance) || 1);
  };
  const [sx, sy] = [scale(kept.map((p) => p.x)), scale(kept.map((p) => p.y))];
  const shown = kept.map(({ x, y, label }) => ({ x: sx(x), y: sy(y), label }));
  const part = every > 1 ? ` of ${points.length}, every ${every}th` : "";
  return {
    points: encode(shown),
    note: `${kept.length} rows${part}, classes: ${names.join(", ")}. Columns are scaled to mean 0 and deviation 1.`,
  };
}

const quoted = (cell: string) => `“${cell.length > 30 ? `${cell.slice(0, 30)}…` : cell}”`;

/** Cells of a line; a cell in quotes may hold the delimiter. */
function split(line: string, delimiter: string): string[] {
  const cells: string[] = [];
  let cell = "";
  let inQuotes = false;
  for (let i = 0; i < line.length; i++) {
    const sign = line[i];
    if (sign === '"') {
      if (inQuotes && line[i + 1] === '"') cell += line[++i];
      else inQuotes = !inQuotes;
    } else if (sign === delimiter && !inQuotes) {
      cells.push(cell.trim());
      cell = "";
    } else {
      cell += sign;
    }
  }
  return [...cells, cell.trim()];
}
