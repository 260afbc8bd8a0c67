// Correlate images with central slices of a volume.
//
//   P(k) = w(k) V(A k) exp(-2 pi i k.s)    N = sum Re(conj(I) P)   D = sum |P|^2   E = sum |I|^2
//
// and, in the gradient entries, dN/ds, dN/dA, dD/dA in the same pass. docs/math/projection.md,
// eqs. 1 to 10; normative twin: correlate_reference.py.
//
// volume      complex (d, d, d/2 + 1), DC at index 0
// images      complex (n, samples), packed discs; frequencies: (kx, ky) of every sample
// weights     (groups, samples); group: (n), the row of weights of each image
// matrices    (n, 3, 3), row-major; the third column multiplies kx^2 + ky^2 and is read only by the
//             curved entries. shifts: (n, 2), as a fraction of the box edge
// radius      (n), disc of each image in Fourier pixels; zero: index of frequency zero
// results     (n, 3): N, D, E; with gradients (n, 23): N, D, E, dN/ds (2), dN/dA (9), dD/dA (9)
//
// Launch: one block per image, 32, 64 or 128 threads. Per sample 4 pairs of neighbouring voxels (64
// bytes in about 4.5 cache lines), 16 bytes of tables and image; about 150 operations with
// gradients. Bound by the gather.

#include "common.cuh"

template <bool GRADIENTS, bool CURVED>
__device__ __forceinline__ void correlate_image(
    const float2* __restrict__ volume, int box, const float2* __restrict__ images,
    const float* __restrict__ weights, const int* __restrict__ group,
    const float* __restrict__ matrices, const float* __restrict__ shifts,
    const int* __restrict__ radius, const short2* __restrict__ frequencies, int samples, int zero,
    float* __restrict__ results) {
  // Slopes come in (t_x, t_y, t_z) times (kx, ky, kx^2 + ky^2): 6 or 9 sums for N, as many for D.
  constexpr int COLUMNS = CURVED ? 3 : 2;
  constexpr int COUNT = GRADIENTS ? 5 + 6 * COLUMNS : 3;
  const int n = blockIdx.x;
  const int limit = radius[n];
  const float sx = shifts[2 * n], sy = shifts[2 * n + 1];
  const float2* __restrict__ image = images + (long long)n * samples;
  const float* __restrict__ weight = weights + (long long)group[n] * samples;
  float a[9];
#pragma unroll
  for (int i = 0; i < 9; ++i) a[i] = (CURVED || i % 3 < 2) ? matrices[9 * n + i] : 0.0f;

  float sums[COUNT];
#pragma unroll
  for (int i = 0; i < COUNT; ++i) sums[i] = 0.0f;

  for (int s = threadIdx.x; s < samples; s += blockDim.x) {
    const short2 k = frequencies[s];
    const float kx = (float)k.x, ky = (float)k.y;
    const Cell cell = cell_of_sample<CURVED>(a, kx, ky, box, limit);
    const float counts = (s == zero) ? 0.5f : 1.0f;
    const float2 pixel = image[s];
    const float w = weight[s];
    if (kx * kx + ky * ky <= (float)(limit * limit))
      sums[2] += counts * (pixel.x * pixel.x + pixel.y * pixel.y);
    const float2 phase = phase_of(kx * sx + ky * sy);
    const float cw = counts * w;
    const float qr = cw * (pixel.x * phase.x + pixel.y * phase.y);
    const float qi = cw * (pixel.x * phase.y - pixel.y * phase.x);
    const float pw = cw * w;

    const float2* low = volume + cell.corner;
    const float2 v000 = low[0], v001 = low[1];
    const float2 v010 = low[cell.step_y], v011 = low[cell.step_y + 1];
    low += cell.step_z;
    const float2 v100 = low[0], v101 = low[1];
    const float2 v110 = low[cell.step_y], v111 = low[cell.step_y + 1];

    const float2 x00 = {v001.x - v000.x, v001.y - v000.y};
    const float2 x01 = {v011.x - v010.x, v011.y - v010.y};
    const float2 x10 = {v101.x - v100.x, v101.y - v100.y};
    const float2 x11 = {v111.x - v110.x, v111.y - v110.y};
    const float2 c0 = {v000.x + cell.fx * x00.x, v000.y + cell.fx * x00.y};
    const float2 c1 = {v100.x + cell.fx * x10.x, v100.y + cell.fx * x10.y};
    const float2 y0 = {v010.x + cell.fx * x01.x - c0.x, v010.y + cell.fx * x01.y - c0.y};
    const float2 y1 = {v110.x + cell.fx * x11.x - c1.x, v110.y + cell.fx * x11.y - c1.y};
    const float2 b = {c0.x + cell.fy * y0.x, c0.y + cell.fy * y0.y};
    const float2 gz = {c1.x + cell.fy * y1.x - b.x, c1.y + cell.fy * y1.y - b.y};
    // Friedel: where the point was turned, the value is the conjugate and slopes change sign too.
    const float vr = cell.keep * (b.x + cell.fz * gz.x), vi = cell.turn * (b.y + cell.fz * gz.y);

    sums[0] += qr * vr - qi * vi;
    sums[1] += pw * (vr * vr + vi * vi);
    if constexpr (GRADIENTS) {
      const float imaginary = qr * vi + qi * vr;
      sums[3] += kx * imaginary;
      sums[4] += ky * imaginary;
      float2 slope[3];
      const float2 gx0 = {x00.x + cell.fy * (x01.x - x00.x), x00.y + cell.fy * (x01.y - x00.y)};
      const float2 gx1 = {x10.x + cell.fy * (x11.x - x10.x), x10.y + cell.fy * (x11.y - x10.y)};
      slope[0] = {gx0.x + cell.fz * (gx1.x - gx0.x), gx0.y + cell.fz * (gx1.y - gx0.y)};
      slope[1] = {y0.x + cell.fz * (y1.x - y0.x), y0.y + cell.fz * (y1.y - y0.y)};
      slope[2] = gz;
      const float k2 = kx * kx + ky * ky;
#pragma unroll
      for (int j = 0; j < 3; ++j) {
        const float gr = cell.turn * slope[j].x, gi = cell.keep * slope[j].y;
        const float t = qr * gr - qi * gi;
        const float u = pw * (vr * gr + vi * gi);
        float* __restrict__ to = sums + 5 + COLUMNS * j;
        to[0] += kx * t;
        to[1] += ky * t;
        to[3 * COLUMNS] += kx * u;
        to[3 * COLUMNS + 1] += ky * u;
        if (CURVED) {
          to[2] += k2 * t;
          to[3 * COLUMNS + 2] += k2 * u;
        }
      }
    }
  }

  const float total = block_sums<COUNT>(sums);
  const int i = threadIdx.x;
  if (i >= COUNT) return;
  if (i < 3) {
    results[(GRADIENTS ? 23 : 3) * n + i] = total;
  } else if (i < 5) {
    results[23 * n + i] = 6.28318530717958648f * total;
  } else {
    const int place = i - 5;
    const int row = place / COLUMNS, column = place % COLUMNS;  // rows 0 to 2 of N, 3 to 5 of D
    results[23 * n + 5 + 3 * row + column] = row < 3 ? total : 2.0f * total;
  }
}

#define CORRELATE_ENTRY(name, gradients, curved, blocks)                                          \
  extern "C" __global__ void __launch_bounds__(128, blocks) name(                                 \
      const float2* volume, int box, const float2* images, const float* weights,                  \
      const int* group, const float* matrices, const float* shifts, const int* radius,            \
      const short2* frequencies, int samples, int zero, float* results) {                         \
    correlate_image<gradients, curved>(volume, box, images, weights, group, matrices, shifts,     \
                                       radius, frequencies, samples, zero, results);              \
  }

// 8 blocks of 128 threads leave 64 registers per thread, 6 blocks 80.
CORRELATE_ENTRY(correlate_values, false, false, 8)
CORRELATE_ENTRY(correlate_values_curved, false, true, 8)
CORRELATE_ENTRY(correlate_gradients, true, false, 8)
CORRELATE_ENTRY(correlate_gradients_curved, true, true, 6)
