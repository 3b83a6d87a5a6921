// A crowd that lives on: the best have children, mixed of two parents and changed a little. Holland,
// "Adaptation in Natural and Artificial Systems" (1975), with truncation selection, uniform crossover
// and normal mutations.
import { type Key, uniforms } from "./random.ts";
import { type Start, type Strategy, compare, lowest } from "./strategy.ts";

const PARENTS = 0.25; // of the population
const FIRST = 2; // times the mutation that the first crowd is spread
const SHRINKS = 0.999; // by which mutations get smaller in a generation
const SMALLEST = 1e-4;

export class GeneticAlgorithm implements Strategy {
  readonly judgesCenter = false;
  readonly evaluations: number;
  readonly center: Float32Array; // the best member
  private readonly parents: number;
  private readonly candidates: Float32Array; // the crowd
  private readonly noise: Float32Array;
  private readonly ages: Float32Array; // losses of the crowd by the last generation
  private begun = false;

  constructor(private readonly start: Start, public sigma: number, readonly population: number) {
    if (population < 4) throw new Error(`the population must be 4 or more, got ${population}`);
    const { size } = start.network;
    this.evaluations = population;
    this.parents = Math.max(2, Math.round(PARENTS * population));
    this.center = start.first.slice();
    this.candidates = new Float32Array(population * size);
    this.noise = new Float32Array(size);
    this.ages = new Float32Array(population).fill(Infinity);
  }

  ask(key: Key): Float32Array {
    if (this.begun) this.breed(key);
    else this.spread(key);
    this.begun = true;
    return this.candidates;
  }

  tell(losses: Float32Array): Uint8Array {
    this.ages.set(losses);
    const best = lowest(losses);
    const { size } = this.start.network;
    this.center.set(this.candidates.subarray(best * size, (best + 1) * size));
    this.sigma = Math.max(SMALLEST, this.sigma * SHRINKS);
    const won = new Uint8Array(this.population);
    for (const member of this.order().slice(0, this.parents)) won[member] = 1;
    return won;
  }

  private order(): number[] {
    const members = Array.from(this.ages.keys());
    return members.sort((a, b) => compare(this.ages[a], this.ages[b]) || a - b);
  }

  /** The first crowd, around the first weights, which are one of it. */
  private spread(key: Key): void {
    const { first, evaluator, network } = this.start;
    for (let member = 0; member < this.population; member++) {
      evaluator.normals(key, member, this.noise);
      const far = member ? FIRST * this.sigma : 0;
      for (let j = 0; j < network.size; j++) {
        this.candidates[member * network.size + j] = first[j] + far * this.noise[j];
      }
    }
  }

  /** Children in the places of all but the best quarter. */
  private breed(key: Key): void {
    const { size } = this.start.network;
    const order = this.order();
    const drawn = new Float32Array(size + 2);
    for (const [rank, member] of order.entries()) {
      if (rank < this.parents) continue;
      uniforms(key, this.population + member, drawn);
      const mother = order[Math.floor(drawn[size] * this.parents)] * size;
      const father = order[Math.floor(drawn[size + 1] * this.parents)] * size;
      this.start.evaluator.normals(key, member, this.noise);
      for (let j = 0; j < size; j++) {
        const gene = this.candidates[(drawn[j] < 0.5 ? mother : father) + j];
        this.candidates[member * size + j] = gene + this.sigma * this.noise[j];
      }
    }
  }
}
