// The noise of the library, number by number: Threefry-2x32 with 20 rounds (Salmon et al., "Parallel
// random numbers: as easy as 1, 2, 3", 2011, section 3.2), a pure function of the generation's key,
// the candidate's index and the position in its weights. See gradless/_core/noise.py.

/** Two 32-bit words. */
export type Key = readonly [number, number];

const PARITY = 0x1bd11bda;
/** Keeps the noise apart from what JAX derives from the same key. */
const DOMAIN = 0x67726164;

// The second word of a counter's two: a pair as a result would be an object for every pair.
let high = 0;

/** The first of two random words for a counter; the second is left in `high`. */
function threefry(k0: number, k1: number, first: number, second: number): number {
  const k2 = k0 ^ k1 ^ PARITY;
  let x = (first + k0) | 0;
  let y = (second + k1) | 0;
  x = (x + y) | 0; y = ((y << 13) | (y >>> 19)) ^ x;
  x = (x + y) | 0; y = ((y << 15) | (y >>> 17)) ^ x;
  x = (x + y) | 0; y = ((y << 26) | (y >>> 6)) ^ x;
  x = (x + y) | 0; y = ((y << 6) | (y >>> 26)) ^ x;
  x = (x + k1) | 0; y = (y + k2 + 1) | 0;
  x = (x + y) | 0; y = ((y << 17) | (y >>> 15)) ^ x;
  x = (x + y) | 0; y = ((y << 29) | (y >>> 3)) ^ x;
  x = (x + y) | 0; y = ((y << 16) | (y >>> 16)) ^ x;
  x = (x + y) | 0; y = ((y << 24) | (y >>> 8)) ^ x;
  x = (x + k2) | 0; y = (y + k0 + 2) | 0;
  x = (x + y) | 0; y = ((y << 13) | (y >>> 19)) ^ x;
  x = (x + y) | 0; y = ((y << 15) | (y >>> 17)) ^ x;
  x = (x + y) | 0; y = ((y << 26) | (y >>> 6)) ^ x;
  x = (x + y) | 0; y = ((y << 6) | (y >>> 26)) ^ x;
  x = (x + k0) | 0; y = (y + k1 + 3) | 0;
  x = (x + y) | 0; y = ((y << 17) | (y >>> 15)) ^ x;
  x = (x + y) | 0; y = ((y << 29) | (y >>> 3)) ^ x;
  x = (x + y) | 0; y = ((y << 16) | (y >>> 16)) ^ x;
  x = (x + y) | 0; y = ((y << 24) | (y >>> 8)) ^ x;
  x = (x + k1) | 0; y = (y + k2 + 4) | 0;
  x = (x + y) | 0; y = ((y << 13) | (y >>> 19)) ^ x;
  x = (x + y) | 0; y = ((y << 15) | (y >>> 17)) ^ x;
  x = (x + y) | 0; y = ((y << 26) | (y >>> 6)) ^ x;
  x = (x + y) | 0; y = ((y << 6) | (y >>> 26)) ^ x;
  high = (y + k0 + 5) | 0;
  return (x + k2) | 0;
}

/** The key of a run, as `jax.random.key(seed)`. */
export function keyOf(seed: number): Key {
  return [0, seed >>> 0];
}

/** `jax.random.fold_in`: a key of its own for every number. */
export function foldIn(key: Key, number: number): Key {
  const low = threefry(key[0], key[1], 0, number >>> 0);
  return [low, high];
}

/** The words from which noise is drawn, of a generation's key. */
export function noiseKey(key: Key): Key {
  return [key[0] ^ DOMAIN, key[1]];
}

/** Keys of a generation (from 0): to ask, and to tell. */
export function generationKeys(run: Key, generation: number): { ask: Key; tell: Key } {
  const own = foldIn(run, generation + 1);
  return { ask: foldIn(own, 0), tell: foldIn(own, 1) };
}

/** Fill with the random words of a candidate, by position. */
function words(key: Key, member: number, count: number, take: (at: number, word: number) => void): void {
  const [k0, k1] = noiseKey(key);
  const half = Math.ceil(count / 2);
  for (let at = 0; at < half; at++) {
    const low = threefry(k0, k1, member, at);
    take(at, low);
    if (half + at < count) take(half + at, high);
  }
}

/** Standard normal numbers of a candidate, by inversion from the upper 23 bits of each word. */
export function normals(key: Key, member: number, out: Float32Array): void {
  words(key, member, out.length, (at, word) => {
    out[at] = normalOf(word);
  });
}

/** Uniform numbers of a candidate between 0 and 1, never one of the two. */
export function uniforms(key: Key, member: number, out: Float32Array): void {
  words(key, member, out.length, (at, word) => {
    out[at] = (word >>> 9) * 2 ** -23 + 2 ** -24;
  });
}

/** A whole number from 0 to count - 1 of a uniform one. */
export function below(even: number, count: number): number {
  return Math.min(Math.trunc(Math.fround(even * count)), count - 1);
}

const ROOT_OF_2 = Math.fround(Math.SQRT2);

/** A standard normal number of a random word. */
function normalOf(word: number): number {
  // The centres of 2^23 equal cells of (-1, 1): symmetric about zero, never an end.
  const x = (word >>> 9) * 2 ** -22 - (1 - 2 ** -23);
  return ROOT_OF_2 * Math.fround(inverseErf(x));
}

/**
 * The inverse error function in single precision (Giles, "Approximating the erfinv function", 2012,
 * table 5), whose polynomials JAX has as well.
 */
function inverseErf(x: number): number {
  // The square is rounded as it is there: near 1 that is what decides.
  let w = -Math.log1p(-Math.fround(x * x));
  let p: number;
  if (w < 5) {
    w -= 2.5;
    p = 2.81022636e-8;
    p = 3.43273939e-7 + p * w;
    p = -3.5233877e-6 + p * w;
    p = -4.39150654e-6 + p * w;
    p = 0.00021858087 + p * w;
    p = -0.00125372503 + p * w;
    p = -0.00417768164 + p * w;
    p = 0.246640727 + p * w;
    p = 1.50140941 + p * w;
  } else {
    w = Math.sqrt(w) - 3;
    p = -0.000200214257;
    p = 0.000100950558 + p * w;
    p = 0.00134934322 + p * w;
    p = -0.00367342844 + p * w;
    p = 0.00573950773 + p * w;
    p = -0.0076224613 + p * w;
    p = 0.00943887047 + p * w;
    p = 1.00167406 + p * w;
    p = 2.83297682 + p * w;
  }
  return p * x;
}
