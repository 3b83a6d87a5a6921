// What the server tells, as JSON.
export interface Run {
  id: string;
  version: number;
  kind: "network" | "program";
  status: string;
  why: string | null;
  data: string | null;
  strategy: string | null;
  objective: string;
  evaluations: number | null;
  seconds: number | null;
  loss: number | null;
  accuracy: number | null;
  validation: number | null;
  test_accuracy: number | null;
  begun: number;
  spark: (number | null)[];
}

/** All runs at first, then those that have changed, and those that are gone. */
export interface News {
  root: string;
  first: boolean;
  gone: string[];
  runs: Run[];
}

export interface Details extends Run {
  recipe: Record<string, unknown>;
  rows: Record<string, unknown>;
  sizes: number[] | null;
  result: Record<string, unknown>;
  pictures: string[];
  card: boolean;
  command: { command: string } | null;
  best: { values?: Record<string, number> } | null;
}

type Column = (number | null)[];

export interface Curve {
  evaluations?: Column;
  seconds?: Column;
  loss?: Column;
  best_loss?: Column;
  accuracy?: Column;
  best_accuracy?: Column;
  validation?: { evaluations: Column; loss: Column };
}

const token = new URLSearchParams(location.search).get("token") ?? "";

export async function get<T>(path: string, of: Record<string, string> = {}): Promise<T> {
  const answer = await fetch(`${path}?${new URLSearchParams(of)}`);
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.said ?? answer.statusText);
  return told as T;
}

/** Change something; what the server says of it. */
export async function post(path: string, of: Record<string, string>): Promise<string> {
  const answer = await fetch(`${path}?${new URLSearchParams(of)}`, {
    method: "POST",
    headers: { "X-Gradless-Token": token },
  });
  if (answer.status === 403) {
    return "To stop or resume, open the page by the address that gradless watch printed.";
  }
  return ((await answer.json()) as { said: string }).said;
}
