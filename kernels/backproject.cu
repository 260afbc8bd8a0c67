// Scatter images along central slices into a volume: the adjoint of correlate.
//
//   data(A k) += I(k) exp(+2 pi i k.s)      weight(A k) += w(k)
//
// with trilinear weights, each sample together with its Friedel partner where that falls on the
// plane kx = 0 of the half volume. docs/math/backprojection.md, eqs. 1 to 4; normative twin:
// backproject_reference.py.
//
// images      complex (n, samples), packed discs; frequencies: (kx, ky) of every sample
// weights     (groups, samples); group: (n), the row of weights of each image
// matrices, shifts, radius, samples, zero: as in correlate.cu
// scale       1 / quantum in the fixed entries, 1 in the others
// fixed entries: sums are 64-bit integers (d, d, d/2 + 1, 3); addition has no order, so the result
//             is equal for any launch, any order of images and any number of devices
// float entries: sums are float (d, d, d/2 + 1, 4), the fourth unused: one vector reduction per
//             voxel on sm_90 and later; not reproducible, for comparison
//
// Launch: one block per image, 32, 64 or 128 threads. Per sample 8 voxels: 24 64-bit reductions
// (192 bytes) or 8 of 16 bytes. Bound by the second-level cache's reductions.

#include "common.cuh"

struct Amount {
  float re, im, weight;
};

__device__ __forceinline__ void add(long long* sums, int voxel, Amount value, float part) {
  unsigned long long* to = reinterpret_cast<unsigned long long*>(sums) + 3ll * voxel;
  atomicAdd(to, (unsigned long long)__float2ll_rn(part * value.re));
  atomicAdd(to + 1, (unsigned long long)__float2ll_rn(part * value.im));
  atomicAdd(to + 2, (unsigned long long)__float2ll_rn(part * value.weight));
}

__device__ __forceinline__ void add(float* sums, int voxel, Amount value, float part) {
  float* to = sums + 4ll * voxel;
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("red.global.add.v4.f32 [%0], {%1, %2, %3, %4};" ::"l"(to), "f"(part * value.re),
               "f"(part * value.im), "f"(part * value.weight), "f"(0.0f)
               : "memory");
#else
  atomicAdd(to, part * value.re);
  atomicAdd(to + 1, part * value.im);
  atomicAdd(to + 2, part * value.weight);
#endif
}

template <bool CURVED, typename SUM>
__device__ __forceinline__ void spread_image(
    SUM* __restrict__ sums, int box, const float2* __restrict__ images,
    const float* __restrict__ weights, const int* __restrict__ group,
    const float* __restrict__ matrices, const float* __restrict__ shifts,
    const int* __restrict__ radius, const short2* __restrict__ frequencies, int samples, int zero,
    float scale) {
  const int n = blockIdx.x;
  const int half = box / 2 + 1;
  const int limit = radius[n];
  const float sx = shifts[2 * n], sy = shifts[2 * n + 1];
  const float2* __restrict__ image = images + (long long)n * samples;
  const float* __restrict__ weight = weights + (long long)group[n] * samples;
  float a[9];
#pragma unroll
  for (int i = 0; i < 9; ++i) a[i] = (CURVED || i % 3 < 2) ? matrices[9 * n + i] : 0.0f;

  for (int s = threadIdx.x; s < samples; s += blockDim.x) {
    const short2 k = frequencies[s];
    const float kx = (float)k.x, ky = (float)k.y;
    const Cell cell = cell_of_sample<CURVED>(a, kx, ky, box, limit);
    if (cell.keep == 0.0f) continue;
    const float counts = (s == zero) ? 0.5f * scale : scale;
    const float2 pixel = image[s];
    const float2 phase = phase_of(kx * sx + ky * sy);
    Amount value;
    value.re = counts * (pixel.x * phase.x + pixel.y * phase.y);
    value.im = counts * cell.turn * (pixel.y * phase.x - pixel.x * phase.y);
    value.weight = counts * weight[s];
#pragma unroll
    for (int corner = 0; corner < 4; ++corner) {
      const int at = cell.corner + (corner & 1 ? cell.step_y : 0) + (corner & 2 ? cell.step_z : 0);
      const float part = (corner & 1 ? cell.fy : 1.0f - cell.fy) *
                         (corner & 2 ? cell.fz : 1.0f - cell.fz);
      add(sums, at, value, part * (1.0f - cell.fx));
      add(sums, at + 1, value, part * cell.fx);
      if (cell.on_plane) {
        const int y = at / half % box, z = at / half / box;
        const int mirrored = ((box - z) % box * box + (box - y) % box) * half;
        const Amount partner = {value.re, -value.im, value.weight};
        add(sums, mirrored, partner, part * (1.0f - cell.fx));
      }
    }
  }
}

#define BACKPROJECT_ENTRY(name, curved, sum)                                                      \
  extern "C" __global__ void __launch_bounds__(128, 8) name(                                      \
      sum* sums, int box, const float2* images, const float* weights, const int* group,           \
      const float* matrices, const float* shifts, const int* radius, const short2* frequencies,   \
      int samples, int zero, float scale) {                                                       \
    spread_image<curved, sum>(sums, box, images, weights, group, matrices, shifts, radius,        \
                              frequencies, samples, zero, scale);                                 \
  }

BACKPROJECT_ENTRY(backproject_fixed, false, long long)
BACKPROJECT_ENTRY(backproject_fixed_curved, true, long long)
BACKPROJECT_ENTRY(backproject_float, false, float)
BACKPROJECT_ENTRY(backproject_float_curved, true, float)
