// How fast could this be? The same searches, written by hand for the processor: vectors of 16
// floats, activations that stay in the first cache, no library, every core. Layer sizes are given
// at run time, as they are for gradless.
//
//   g++ -O3 -march=native -fopenmp limit.cpp -o limit
//   ./limit METHOD POPULATION SECONDS DATA SIZE SIZE ...
//
// METHOD is random_search, openai_es or evaluate. DATA is a file of int32 counts (samples,
// features, classes), float32 inputs (features, samples) and int32 labels. Prints one JSON object.

#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <string>
#include <vector>

constexpr int LANES = 16;
typedef float Floats __attribute__((vector_size(4 * LANES)));
typedef int32_t Ints __attribute__((vector_size(4 * LANES)));
typedef uint32_t Words __attribute__((vector_size(4 * LANES)));

static inline Floats splat(float x) { return x - Floats{}; }
static inline Floats maximum(Floats a, Floats b) { return a > b ? a : b; }
static inline Floats minimum(Floats a, Floats b) { return a < b ? a : b; }
static inline Floats as_floats(Ints x) { return (Floats)x; }
static inline Ints as_ints(Floats x) { return (Ints)x; }

// exp by 2^n times a polynomial of degree 6; relative error below 2e-7.
static inline Floats exponential(Floats x) {
  x = minimum(maximum(x, splat(-87.0f)), splat(88.0f));
  Floats n = x * 1.44269504f + 12582912.0f;  // rounds to the nearest whole number
  Ints whole = as_ints(n);
  n -= 12582912.0f;
  Floats r = x - n * 0.693359375f + n * 2.12194440e-4f;
  Floats p = splat(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  return as_floats(as_ints(p) + (whole << 23));
}

// log of positive numbers, by exponent and a polynomial of degree 8.
static inline Floats logarithm(Floats x) {
  Ints bits = as_ints(x);
  Ints exponent = (bits - 0x3f3504f3) >> 23;
  Floats m = as_floats(bits - (exponent << 23)) - 1.0f;
  Floats e = __builtin_convertvector(exponent, Floats);
  Floats p = splat(7.0376836292e-2f);
  p = p * m - 1.1514610310e-1f;
  p = p * m + 1.1676998740e-1f;
  p = p * m - 1.2420140846e-1f;
  p = p * m + 1.4249322787e-1f;
  p = p * m - 1.6668057665e-1f;
  p = p * m + 2.0000714765e-1f;
  p = p * m - 2.4999993993e-1f;
  p = p * m + 3.3333331174e-1f;
  return m + m * m * (p * m - 0.5f) + e * 0.693147181f;
}

static inline Floats square_root(Floats x) {
  Floats y;
  for (int i = 0; i < LANES; i++) y[i] = std::sqrt(x[i]);
  return y;
}

// Threefry-2x32-20 (Salmon et al. 2011), as in gradless/noise.py.
static inline Words threefry(uint32_t a, uint32_t b, Words first, Words& second) {
  const uint32_t words[3] = {a, b, a ^ b ^ 0x1BD11BDAu};
  const int rotations[2][4] = {{13, 15, 26, 6}, {17, 29, 16, 24}};
  first += words[0];
  second += words[1];
  for (int group = 0; group < 5; group++) {
    for (int r = 0; r < 4; r++) {
      const int distance = rotations[group % 2][r];
      first += second;
      second = ((second << distance) | (second >> (32 - distance))) ^ first;
    }
    first += words[(group + 1) % 3];
    second += words[(group + 2) % 3] + (uint32_t)(group + 1);
  }
  return first;
}

// Normal numbers by inversion; Giles, "Approximating the erfinv function" (2010), single precision.
static inline Floats normal(Words bits) {
  Floats u = __builtin_convertvector((Ints)(bits >> 9), Floats) * (1.0f / 4194304) -
             (1.0f - 1.0f / 8388608);
  Floats w = -logarithm((1.0f - u) * (1.0f + u));
  Floats c = w - 2.5f;
  Floats p = splat(2.81022636e-08f);
  for (float k : {3.43273939e-07f, -3.5233877e-06f, -4.39150654e-06f, 0.00021858087f,
                  -0.00125372503f, -0.00417768164f, 0.246640727f, 1.50140941f})
    p = p * c + k;
  Floats t = square_root(w) - 3.0f;
  Floats q = splat(-0.000200214257f);
  for (float k : {0.000100950558f, 0.00134934322f, -0.00367342844f, 0.00573950773f,
                  -0.0076224613f, 0.00943887047f, 1.00167406f, 2.83297682f})
    q = q * t + k;
  return (w < 5.0f ? p : q) * u * 1.41421356f;
}

struct Data {
  int samples, features, classes, vectors;
  std::vector<float> inputs;  // (features, vectors * LANES)
  std::vector<int32_t> labels;
};

struct Score {
  float loss, accuracy;
};

constexpr int TILE = 4;  // vectors of samples, and outputs, computed together in registers

// One layer for TILE vectors of samples: from (inputs, TILE) to (outputs, TILE).
template <int OUTPUTS>
static inline void dense(const float* w, const float* b, const Floats* x, Floats* y, int inputs,
                         int outputs, int first, bool relu) {
  Floats total[OUTPUTS][TILE];
  for (int o = 0; o < OUTPUTS; o++)
    for (int t = 0; t < TILE; t++) total[o][t] = splat(b[first + o]);
  for (int i = 0; i < inputs; i++)
    for (int o = 0; o < OUTPUTS; o++) {
      const Floats weight = splat(w[i * outputs + first + o]);
      for (int t = 0; t < TILE; t++) total[o][t] += weight * x[i * TILE + t];
    }
  for (int o = 0; o < OUTPUTS; o++)
    for (int t = 0; t < TILE; t++)
      y[(first + o) * TILE + t] = relu ? maximum(total[o][t], Floats{}) : total[o][t];
}

static Score evaluate(const Data& data, const std::vector<int>& sizes, const float* params,
                      Floats* here, Floats* there) {
  Floats loss{};
  Ints right{};
  for (int v = 0; v < data.vectors; v += TILE) {
    Floats *x = here, *y = there;
    for (int f = 0; f < data.features; f++)
      std::memcpy(x + f * TILE, &data.inputs[(size_t)(f * data.vectors + v) * LANES],
                  TILE * sizeof(Floats));
    const float* w = params;
    for (size_t layer = 0; layer + 1 < sizes.size(); layer++) {
      const int inputs = sizes[layer], outputs = sizes[layer + 1];
      const float* b = w + inputs * outputs;
      const bool relu = layer + 2 < sizes.size();
      int o = 0;
      for (; o + 4 <= outputs; o += 4) dense<4>(w, b, x, y, inputs, outputs, o, relu);
      if (outputs - o == 3) dense<3>(w, b, x, y, inputs, outputs, o, relu);
      if (outputs - o == 2) dense<2>(w, b, x, y, inputs, outputs, o, relu);
      if (outputs - o == 1) dense<1>(w, b, x, y, inputs, outputs, o, relu);
      w = b + outputs;
      std::swap(x, y);
    }
    for (int t = 0; t < TILE; t++) {
      Ints label, index;
      std::memcpy(&label, &data.labels[(size_t)(v + t) * LANES], sizeof label);
      for (int i = 0; i < LANES; i++) index[i] = (v + t) * LANES + i;
      Floats largest = x[t], truth{};
      Ints predicted{};
      for (int c = 1; c < data.classes; c++) {
        const Floats z = x[c * TILE + t];
        predicted = z > largest ? Ints{} + c : predicted;
        largest = maximum(largest, z);
      }
      for (int c = 0; c < data.classes; c++) truth = label == c ? x[c * TILE + t] : truth;
      Floats sum{};
      for (int c = 0; c < data.classes; c++) sum += exponential(x[c * TILE + t] - largest);
      Floats one = logarithm(sum) + largest - truth;
      one = minimum(maximum(one, splat(1e-7f)), splat(16.118095f));
      const Ints real = index < data.samples;
      loss += real ? one : Floats{};
      right += real & (predicted == label);
    }
  }
  float total = 0;
  int count = 0;
  for (int i = 0; i < LANES; i++) total += loss[i], count -= right[i];
  return {total / data.samples, (float)count / data.samples};
}

// Noise of a member, a whole number of vectors; the state of the generation is its key.
static void draw(uint32_t generation, uint32_t member, int size, float scale, float* to) {
  Words position;
  for (int i = 0; i < LANES; i++) position[i] = i;
  for (int p = 0; p < size; p += 2 * LANES) {
    Words second = position + (uint32_t)(p / 2);
    const Words first = threefry(generation, 0x67726164u, Words{} + member, second);
    const Floats a = normal(first) * scale, b = normal(second) * scale;
    std::memcpy(to + p, &a, sizeof a);
    std::memcpy(to + p + LANES, &b, sizeof b);
  }
}

int main(int count, char** given) {
  if (count < 7) return std::fprintf(stderr, "see the head of limit.cpp\n"), 2;
  const std::string method = given[1];
  const int population = std::atoi(given[2]);
  const double seconds = std::atof(given[3]);
  std::vector<int> sizes;
  for (int i = 5; i < count; i++) sizes.push_back(std::atoi(given[i]));

  Data data;
  std::FILE* file = std::fopen(given[4], "rb");
  if (!file || std::fread(&data, 4, 3, file) != 3) return std::perror(given[4]), 1;
  data.vectors = (data.samples + LANES * TILE - 1) / (LANES * TILE) * TILE;
  data.inputs.assign((size_t)data.features * data.vectors * LANES, 0.0f);
  data.labels.assign((size_t)data.vectors * LANES, 0);
  bool read = true;
  for (int f = 0; f < data.features; f++)
    read &= std::fread(&data.inputs[(size_t)f * data.vectors * LANES], 4, data.samples, file) ==
            (size_t)data.samples;
  read &= std::fread(data.labels.data(), 4, data.samples, file) == (size_t)data.samples;
  std::fclose(file);
  if (!read) return std::fprintf(stderr, "%s is too short\n", given[4]), 1;

  int size = 0;
  for (size_t l = 0; l + 1 < sizes.size(); l++) size += (sizes[l] + 1) * sizes[l + 1];
  const int padded = (size + 2 * LANES - 1) / (2 * LANES) * (2 * LANES);
  const int widest = *std::max_element(sizes.begin(), sizes.end());

  std::vector<float> center(padded), first_moment(size), second_moment(size), scales(padded);
  draw(0, ~0u, padded, 1.0f, center.data());
  for (size_t l = 0, p = 0; l + 1 < sizes.size(); l++) {
    const float scale = std::sqrt(2.0f / sizes[l]);
    for (int i = 0; i < sizes[l] * sizes[l + 1]; i++, p++) scales[p] = scale, center[p] *= scale;
    for (int i = 0; i < sizes[l + 1]; i++, p++) scales[p] = scale, center[p] = 0;
  }
  const bool es = method == "openai_es", search = method == "random_search";
  const int drawn = es ? population / 2 : population;
  std::vector<float> noise((size_t)drawn * padded), losses(population), accuracies(population);
  if (!search && !es)
    for (int m = 0; m < drawn; m++) draw(1, m, padded, 0.1f, &noise[(size_t)m * padded]);

  const float sigma = 0.1f, rate = 0.05f;
  float best = INFINITY, best_accuracy = 0;
  uint32_t generation = 0;
  std::vector<int> order(population);
  std::vector<float> gradient(size);
  bool finished = false;
  const auto begun = std::chrono::steady_clock::now();
  double elapsed = 0;
#pragma omp parallel
  {
    const int threads = omp_get_num_threads(), thread = omp_get_thread_num();
    std::vector<Floats> here((size_t)widest * TILE), there((size_t)widest * TILE);
    std::vector<float> params(padded);
    const int from = (int)((int64_t)drawn * thread / threads);
    const int to = (int)((int64_t)drawn * (thread + 1) / threads);
    const int begin = (int)((int64_t)size * thread / threads);
    const int end = (int)((int64_t)size * (thread + 1) / threads);
    while (!finished) {
      for (int m = from; m < to; m++) {
        float* e = &noise[(size_t)m * padded];
        if (search || es) draw(generation + 1, m, padded, 1.0f, e);
        for (int half = 0; half < (es ? 2 : 1); half++) {
          const float sign = half ? -sigma : sigma;
          if (search)
            for (int p = 0; p < padded; p++) params[p] = 0.01f * e[p];
          else
            for (int p = 0; p < padded; p++) params[p] = center[p] + sign * scales[p] * e[p];
          const Score score = evaluate(data, sizes, params.data(), here.data(), there.data());
          losses[m + half * drawn] = score.loss;
          accuracies[m + half * drawn] = score.accuracy;
        }
      }
#pragma omp barrier
#pragma omp single
      {
        const int winner =
            (int)(std::min_element(losses.begin(), losses.end()) - losses.begin());
        if (losses[winner] < best) best = losses[winner], best_accuracy = accuracies[winner];
        generation++;
        if (es) {
          std::iota(order.begin(), order.end(), 0);
          std::sort(order.begin(), order.end(), [&](int a, int b) { return losses[a] < losses[b]; });
          for (int r = 0; r < population; r++)
            losses[order[r]] = 0.5f - (float)r / (population - 1);
        }
        elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
        finished = elapsed >= seconds;
      }
      if (es) {
        for (int p = begin; p < end; p++) gradient[p] = 0;
        for (int m = 0; m < drawn; m++) {
          const float weight = losses[m + drawn] - losses[m];
          const float* e = &noise[(size_t)m * padded];
          for (int p = begin; p < end; p++) gradient[p] += weight * e[p];
        }
        const float fix1 = 1 - std::pow(0.9f, generation), fix2 = 1 - std::pow(0.999f, generation);
        for (int p = begin; p < end; p++) {
          const float g = gradient[p] / (population * sigma);
          first_moment[p] = 0.9f * first_moment[p] + 0.1f * g;
          second_moment[p] = 0.999f * second_moment[p] + 0.001f * g * g;
          center[p] -= rate * scales[p] * (first_moment[p] / fix1) /
                       (std::sqrt(second_moment[p] / fix2) + 1e-8f);
        }
#pragma omp barrier
      }
    }
  }
  std::printf("{\"evaluations_per_second\": %.1f, \"generations\": %u, \"best_loss\": %.6f, "
              "\"best_accuracy\": %.6f, \"threads\": %d}\n",
              generation * (double)population / elapsed, generation, best, best_accuracy,
              omp_get_max_threads());
}
