// Losses and noise of networks in WebAssembly with SIMD: four samples, or four random words, in one
// instruction. AssemblyScript; built by ../build.mjs, called by ../engine/kernel.ts, and the same as
// ../engine/evaluator.ts to rounding.
//
// Memory is laid out by `plan`, once for a search: points and one-hot classes by rows that fill whole
// vectors (the last ones of weight zero), activations of a block of rows, weights, losses.
import { exp4, log4, normal4, tanh4 } from "./functions";

const BLOCK: i32 = 16; // rows at once: four vectors, which stay in registers
const BYTES: usize = 4 * BLOCK; // of a block's row of numbers

let rows: i32, padded: i32, layers: i32, classes: i32, activation: i32, size: i32;
let inputs: usize, hot: usize, counted: usize, sizes: usize, from: usize, to: usize;
let candidates: usize, losses: usize, noise: usize;

const LOWEST: f32 = 1.1920929665620834e-7; // of the loss, as in the chapter: -log(1 - 1e-7)
const HIGHEST: f32 = 16.11809539794922; // -log(1e-7)

function reserved(bytes: usize): usize {
  return heap.alloc((bytes + 15) & ~(<usize>15));
}

/** Reserve memory for networks of so many layers, at most so wide, and a population. */
export function plan(
  samples: i32, depth: i32, widest: i32, outputs: i32, kind: i32, weights: i32, population: i32,
): void {
  rows = samples;
  padded = (samples + BLOCK - 1) / BLOCK * BLOCK;
  layers = depth;
  classes = outputs;
  activation = kind;
  size = weights;
  inputs = reserved(8 * padded);
  hot = reserved(4 * classes * padded);
  counted = reserved(4 * padded);
  sizes = reserved(4 * (depth + 1));
  from = reserved(<usize>widest * BYTES);
  to = reserved(<usize>widest * BYTES);
  candidates = reserved(4 * <usize>weights * population);
  losses = reserved(8 * population); // and the shares that are right, behind them
  noise = reserved(4 * weights + 48); // in two parts of whole vectors
}

// Where the caller writes and reads.
export function inputsAt(): usize { return inputs; }
export function hotAt(): usize { return hot; }
export function countedAt(): usize { return counted; }
export function sizesAt(): usize { return sizes; }
export function candidatesAt(): usize { return candidates; }
export function lossesAt(): usize { return losses; }
export function noiseAt(): usize { return noise; }
export function paddedRows(): i32 { return padded; }

/** Judge so many candidates: their losses, and behind them the shares of rows that are right. */
export function judge(count: i32): void {
  for (let i = 0; i < count; i++) judgeOne(candidates + 4 * <usize>size * i, i, count);
}

function judgeOne(weights: usize, index: i32, count: i32): void {
  let loss = f32x4.splat(0), right = f32x4.splat(0);
  for (let row = 0; row < padded; row += BLOCK) {
    forward(weights, row);
    const logits = from;
    for (let lane: usize = 0; lane < BYTES; lane += 16) {
      const at = 4 * <usize>row + lane;
      let own = f32x4.splat(0); // the logit of the true class
      for (let c = 0; c < classes; c++) {
        const logit = v128.load(logits + c * BYTES + lane);
        own = f32x4.add(own, f32x4.mul(logit, v128.load(hot + c * 4 * padded + at)));
      }
      let sum = f32x4.splat(0);
      let best = i32x4.splat(-1); // whether no other class is larger, or as large and before it
      let before = i32x4.splat(-1); // whether the true class is still to come
      for (let c = 0; c < classes; c++) {
        const margin = f32x4.sub(v128.load(logits + c * BYTES + lane), own);
        sum = f32x4.add(sum, exp4(margin));
        const mine = v128.load(hot + c * 4 * padded + at);
        before = v128.andnot(before, f32x4.ne(mine, f32x4.splat(0)));
        const least = f32x4.lt(margin, f32x4.splat(0));
        const most = f32x4.le(margin, f32x4.splat(0));
        best = v128.and(best, v128.bitselect(least, most, before));
      }
      // As comparisons, since a minimum would pass on what is no number.
      let nll = log4(sum);
      nll = v128.bitselect(f32x4.splat(LOWEST), nll, f32x4.lt(nll, f32x4.splat(LOWEST)));
      nll = v128.bitselect(f32x4.splat(HIGHEST), nll, f32x4.gt(nll, f32x4.splat(HIGHEST)));
      nll = v128.bitselect(sum, nll, f32x4.ne(sum, sum));
      const weight = v128.load(counted + at);
      loss = f32x4.add(loss, f32x4.mul(nll, weight));
      right = f32x4.add(right, v128.and(best, weight));
    }
  }
  const mean = total(loss) / <f32>rows;
  store<f32>(losses + 4 * <usize>index, isFinite(mean) ? mean : f32.POSITIVE_INFINITY);
  store<f32>(losses + 4 * <usize>(count + index), total(right) / <f32>rows);
}

function total(x: v128): f32 {
  return f32x4.extract_lane(x, 0) + f32x4.extract_lane(x, 1)
    + (f32x4.extract_lane(x, 2) + f32x4.extract_lane(x, 3));
}

/** Logits of a block of rows, left in `from`. */
function forward(weights: usize, row: i32): void {
  let source = inputs + 4 * <usize>row, stride = 4 * <usize>padded;
  for (let layer = 0; layer < layers; layer++) {
    const ins = load<i32>(sizes + 4 * layer), outs = load<i32>(sizes + 4 * (layer + 1));
    const biases = weights + 4 * <usize>(ins * outs);
    for (let o = 0; o < outs; o++) {
      let a = v128.load32_splat(biases + 4 * o), b = a, c = a, d = a;
      let weight = weights + 4 * <usize>o, x = source;
      for (let i = 0; i < ins; i++) {
        const w = v128.load32_splat(weight);
        a = f32x4.add(a, f32x4.mul(w, v128.load(x)));
        b = f32x4.add(b, f32x4.mul(w, v128.load(x, 16)));
        c = f32x4.add(c, f32x4.mul(w, v128.load(x, 32)));
        d = f32x4.add(d, f32x4.mul(w, v128.load(x, 48)));
        weight += 4 * <usize>outs;
        x += stride;
      }
      if (layer < layers - 1) {
        a = activated(a); b = activated(b); c = activated(c); d = activated(d);
      }
      const at = to + o * BYTES;
      v128.store(at, a);
      v128.store(at, b, 16);
      v128.store(at, c, 32);
      v128.store(at, d, 48);
    }
    const done = from;
    from = to;
    to = done;
    source = from;
    stride = BYTES;
    weights = biases + 4 * <usize>outs;
  }
}

/** The activation function: relu, tanh, sign or step. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function activated(x: v128): v128 {
  const zero = f32x4.splat(0), one = f32x4.splat(1);
  if (activation === 0) return v128.bitselect(zero, x, f32x4.lt(x, zero));
  if (activation === 1) return tanh4(x);
  const positive = v128.and(one, f32x4.gt(x, zero));
  if (activation === 3) return positive;
  return f32x4.sub(positive, v128.and(one, f32x4.lt(x, zero)));
}

/**
 * Standard normal noise of a candidate, as ../engine/random.ts makes it, for four words at once: that
 * of the first words of the counters, and behind it, from a whole vector on, that of the second ones.
 */
export function normals(k0: i32, k1: i32, member: i32, count: i32): void {
  const half = (count + 1) / 2;
  const behind = noise + 4 * <usize>((half + 3) & ~3);
  const a = i32x4.splat(k0), b = i32x4.splat(k1), c = i32x4.splat(k0 ^ k1 ^ 0x1bd11bda);
  for (let at = 0; at < half; at += 4) {
    let x = i32x4.add(i32x4.splat(member), a);
    let y = i32x4.add(i32x4.add(i32x4.splat(at), i32x4(0, 1, 2, 3)), b);
    for (let group = 0; group < 5; group++) {
      if (group & 1) {
        x = i32x4.add(x, y); y = v128.xor(turned(y, 17), x);
        x = i32x4.add(x, y); y = v128.xor(turned(y, 29), x);
        x = i32x4.add(x, y); y = v128.xor(turned(y, 16), x);
        x = i32x4.add(x, y); y = v128.xor(turned(y, 24), x);
      } else {
        x = i32x4.add(x, y); y = v128.xor(turned(y, 13), x);
        x = i32x4.add(x, y); y = v128.xor(turned(y, 15), x);
        x = i32x4.add(x, y); y = v128.xor(turned(y, 26), x);
        x = i32x4.add(x, y); y = v128.xor(turned(y, 6), x);
      }
      const next = (group + 1) % 3, after = (group + 2) % 3;
      x = i32x4.add(x, next === 0 ? a : next === 1 ? b : c);
      y = i32x4.add(y, after === 0 ? a : after === 1 ? b : c);
      y = i32x4.add(y, i32x4.splat(group + 1));
    }
    v128.store(noise + 4 * <usize>at, normal4(x));
    v128.store(behind + 4 * <usize>at, normal4(y));
  }
}

// @ts-ignore: a decorator of AssemblyScript
@inline
function turned(x: v128, distance: i32): v128 {
  return v128.or(i32x4.shl(x, distance), i32x4.shr_u(x, 32 - distance));
}
