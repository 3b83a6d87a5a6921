// The random numbers of NumPy, so that a seed gives the points and the first weights that it gives the
// library: its legacy generator for data sets, its default one for weights.

/** `numpy.random.RandomState`: the Mersenne Twister (Matsumoto and Nishimura, 1998), MT19937. */
export class RandomState {
  private readonly words = new Uint32Array(624);
  private at = 624;
  private spare: number | null = null; // normal numbers come in pairs

  constructor(seed: number) {
    const { words } = this;
    words[0] = seed >>> 0;
    for (let i = 1; i < 624; i++) {
      const before = words[i - 1];
      words[i] = Math.imul(1812433253, before ^ (before >>> 30)) + i;
    }
  }

  private word(): number {
    if (this.at === 624) this.twist();
    let y = this.words[this.at++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  private twist(): void {
    const { words } = this;
    for (let i = 0; i < 624; i++) {
      const y = (words[i] & 0x80000000) | (words[(i + 1) % 624] & 0x7fffffff);
      words[i] = words[(i + 397) % 624] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.at = 0;
  }

  /** Uniform in [0, 1), with 53 bits. */
  private uniform(): number {
    const high = this.word() >>> 5, low = this.word() >>> 6;
    return (high * 2 ** 26 + low) / 2 ** 53;
  }

  /** A standard normal number by Marsaglia's polar method. */
  normal(): number {
    if (this.spare !== null) {
      const { spare } = this;
      this.spare = null;
      return spare;
    }
    for (;;) {
      const x = 2 * this.uniform() - 1, y = 2 * this.uniform() - 1;
      const square = x * x + y * y;
      if (square >= 1 || square === 0) continue;
      const factor = Math.sqrt((-2 * Math.log(square)) / square);
      this.spare = factor * x;
      return factor * y;
    }
  }

  /** A whole number from 0 to `most`. */
  private upTo(most: number): number {
    const mask = 2 ** Math.ceil(Math.log2(most + 1)) - 1;
    for (;;) {
      const value = (this.word() & mask) >>> 0;
      if (value <= most) return value;
    }
  }

  /** The numbers from 0 to count - 1 in random order. */
  permutation(count: number): number[] {
    const order = Array.from({ length: count }, (_, i) => i);
    for (let i = count - 1; i > 0; i--) {
      const j = this.upTo(i);
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  }
}

/** Four 32-bit words of a seed, well mixed, as NumPy's SeedSequence has them (O'Neill, 2015). */
function mixed(seed: number): number[] {
  let constant = 0x43b0d7e5;
  const hashed = (value: number) => {
    value ^= constant;
    constant = Math.imul(constant, 0x931e8875);
    value = Math.imul(value, constant);
    return value ^ (value >>> 16);
  };
  const pool = [seed, 0, 0, 0].map(hashed);
  for (let from = 0; from < 4; from++) {
    for (let to = 0; to < 4; to++) {
      if (from === to) continue;
      const value = Math.imul(0xca01f9dd, pool[to]) - Math.imul(0x4973f715, hashed(pool[from]));
      pool[to] = value ^ (value >>> 16);
    }
  }
  return pool;
}

const BITS_128 = (1n << 128n) - 1n, BITS_64 = (1n << 64n) - 1n;
const MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n;

/** `numpy.random.default_rng`: PCG64 (O'Neill, "PCG", 2014), and normal numbers by the ziggurat. */
export class DefaultGenerator {
  private state = 0n;
  private readonly increment: bigint;

  constructor(seed: number) {
    const pool = mixed(seed);
    let constant = 0x8b51f9dd;
    const word = (i: number) => {
      let value = pool[i % 4] ^ constant;
      constant = Math.imul(constant, 0x58f38ded);
      value = Math.imul(value, constant);
      return BigInt((value ^ (value >>> 16)) >>> 0);
    };
    const words = [0, 1, 2, 3, 4, 5, 6, 7].map(word);
    const long = (i: number) => words[2 * i] | (words[2 * i + 1] << 32n);
    this.increment = (((long(2) << 64n) | long(3)) << 1n | 1n) & BITS_128;
    this.advance();
    this.state = (this.state + ((long(0) << 64n) | long(1))) & BITS_128;
    this.advance();
  }

  private advance(): void {
    this.state = (this.state * MULTIPLIER + this.increment) & BITS_128;
  }

  private long(): bigint {
    this.advance();
    const folded = (this.state >> 64n) ^ (this.state & BITS_64);
    const turn = this.state >> 122n;
    return ((folded >> turn) | (folded << (64n - turn))) & BITS_64;
  }

  private uniform(): number {
    return Number(this.long() >> 11n) / 2 ** 53;
  }

  /** A standard normal number (Marsaglia and Tsang, "The ziggurat method", 2000), 256 strips. */
  normal(): number {
    for (;;) {
      const bits = this.long();
      const strip = Number(bits & 255n);
      const size = Number((bits >> 9n) & ((1n << 52n) - 1n));
      const x = ((bits >> 8n) & 1n ? -size : size) * WIDTH[strip];
      if (size < WITHIN[strip]) return x;
      if (strip === 0) {
        for (;;) {
          const beyond = -Math.log1p(-this.uniform()) / TAIL;
          const y = -Math.log1p(-this.uniform());
          if (2 * y > beyond * beyond) return (size >> 8) & 1 ? -(TAIL + beyond) : TAIL + beyond;
        }
      }
      const height = (HEIGHT[strip - 1] - HEIGHT[strip]) * this.uniform() + HEIGHT[strip];
      if (height < Math.exp(-0.5 * x * x)) return x;
    }
  }
}

// The strips: where the tail begins, and the area of each.
const TAIL = 3.6541528853610088;
const AREA = 0.004928673233974658;
const UNIT = 2 ** 52;
const WIDTH = new Float64Array(256); // of a strip, in units of the random number
const WITHIN = new Float64Array(256); // below it, a number is surely below the curve
const HEIGHT = new Float64Array(256);

function cut(): void {
  const curve = (x: number) => Math.exp(-0.5 * x * x);
  const base = AREA / curve(TAIL);
  WITHIN[0] = (TAIL / base) * UNIT;
  WIDTH[0] = base / UNIT;
  HEIGHT[0] = 1;
  WIDTH[255] = TAIL / UNIT;
  HEIGHT[255] = curve(TAIL);
  let edge = TAIL;
  for (let i = 254; i >= 1; i--) {
    const next = Math.sqrt(-2 * Math.log(AREA / edge + curve(edge)));
    WITHIN[i + 1] = (next / edge) * UNIT;
    WIDTH[i] = next / UNIT;
    HEIGHT[i] = curve(next);
    edge = next;
  }
}
cut();
