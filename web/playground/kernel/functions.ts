// Elementary functions of four float32 numbers at once, to a rounding or two.

// @ts-ignore: a decorator of AssemblyScript
@inline
function splat(x: f32): v128 { return f32x4.splat(x); }

// @ts-ignore: a decorator of AssemblyScript
@inline
function step(p: v128, x: v128, next: f32): v128 { return f32x4.add(f32x4.mul(p, x), splat(next)); }

/** exp(x): 2^n of the nearest whole n, times the exponential series of what is left. */
// @ts-ignore: a decorator of AssemblyScript
@inline
export function exp4(x: v128): v128 {
  // Beyond these, a loss is at its floor or its ceiling anyway.
  x = f32x4.max(f32x4.min(x, splat(80)), splat(-80));
  const n = f32x4.nearest(f32x4.mul(x, splat(1.4426950408889634)));
  // ln 2 in two parts, of which the first has so few digits that its product is exact.
  let r = f32x4.sub(x, f32x4.mul(n, splat(0.693359375)));
  r = f32x4.sub(r, f32x4.mul(n, splat(-2.12194440e-4)));
  let p = step(splat(1.0 / 5040), r, 1.0 / 720);
  p = step(p, r, 1.0 / 120);
  p = step(p, r, 1.0 / 24);
  p = step(p, r, 1.0 / 6);
  p = step(p, r, 0.5);
  p = step(p, r, 1);
  p = step(p, r, 1);
  const power = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23);
  return f32x4.mul(p, power);
}

/** log(x) of positive normal x: the exponent, and 2 atanh(s) with s = (m - 1) / (m + 1). */
// @ts-ignore: a decorator of AssemblyScript
@inline
export function log4(x: v128): v128 {
  // The mantissa from sqrt(1/2) to sqrt(2), so that s is small: counted from the bits of sqrt(1/2).
  const counted = i32x4.sub(x, i32x4.splat(0x3f3504f3));
  const exponent = i32x4.shr_s(counted, 23);
  const m = i32x4.sub(x, i32x4.shl(exponent, 23));
  const f = f32x4.sub(m, splat(1));
  const s = f32x4.div(f, f32x4.add(f, splat(2)));
  const square = f32x4.mul(s, s);
  let p = step(splat(2.0 / 9), square, 2.0 / 7);
  p = step(p, square, 2.0 / 5);
  p = step(p, square, 2.0 / 3);
  p = f32x4.add(f32x4.mul(f32x4.mul(p, square), s), f32x4.add(s, s));
  return f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(exponent), splat(0.6931471805599453)), p);
}

/** tanh(x) = (1 - e) / (1 + e) with e = exp(-2 |x|), and the sign of x. */
// @ts-ignore: a decorator of AssemblyScript
@inline
export function tanh4(x: v128): v128 {
  const sign = i32x4.splat(0x80000000);
  const e = exp4(f32x4.mul(f32x4.abs(x), splat(-2)));
  const size = f32x4.div(f32x4.sub(splat(1), e), f32x4.add(splat(1), e));
  return v128.or(size, v128.and(x, sign));
}

/** Standard normal numbers of four random words, by Giles's inverse error function. */
// @ts-ignore: a decorator of AssemblyScript
@inline
export function normal4(words: v128): v128 {
  const k = f32x4.convert_i32x4_s(i32x4.shr_u(words, 9));
  const x = f32x4.sub(f32x4.mul(k, splat(<f32>(1.0 / 4194304))), splat(<f32>(1 - 1.0 / 8388608)));
  const w = f32x4.neg(log4(f32x4.sub(splat(1), f32x4.mul(x, x))));
  const v = f32x4.sub(w, splat(2.5));
  let p = step(splat(2.81022636e-8), v, 3.43273939e-7);
  p = step(p, v, -3.5233877e-6);
  p = step(p, v, -4.39150654e-6);
  p = step(p, v, 0.00021858087);
  p = step(p, v, -0.00125372503);
  p = step(p, v, -0.00417768164);
  p = step(p, v, 0.246640727);
  p = step(p, v, 1.50140941);
  const far = f32x4.ge(w, splat(5));
  if (v128.any_true(far)) { // one vector in 75
    const u = f32x4.sub(f32x4.sqrt(w), splat(3));
    let q = step(splat(-0.000200214257), u, 0.000100950558);
    q = step(q, u, 0.00134934322);
    q = step(q, u, -0.00367342844);
    q = step(q, u, 0.00573950773);
    q = step(q, u, -0.0076224613);
    q = step(q, u, 0.00943887047);
    q = step(q, u, 1.00167406);
    q = step(q, u, 2.83297682);
    p = v128.bitselect(q, p, far);
  }
  return f32x4.mul(splat(1.4142135623730951), f32x4.mul(p, x));
}
