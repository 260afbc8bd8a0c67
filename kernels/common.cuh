// What the kernels share: cells of a half-complex volume, phases, sums over a block.
//
// A volume of even box d is (d, d, d/2 + 1), DC at index 0, axes (kz, ky, kx), ky and kz wrapping.
// A sample of it is found at a point with |coordinate| <= d/2 - 1; Friedel's law turns points to
// x >= 0 (docs/math/projection.md, eqs. 1 to 3). Compiles with nvcc, NVRTC and, over a header that
// stands in for CUDA, with g++.

#pragma once

#define FULL_WARP 0xffffffffu

// Offset of the lower corner and steps to y + 1 and z + 1, in voxels; fractions within the cell;
// keep is 1 for a sample that counts, else 0; turn is keep with the sign of x.
struct Cell {
  int corner, step_y, step_z;
  float fx, fy, fz, keep, turn;
  bool on_plane;  // the lower corner is on kx = 0
};

__device__ __forceinline__ Cell cell_of(float x, float y, float z, int box, bool counts) {
  const int half = box / 2 + 1;
  const float edge = (float)(box / 2 - 1);
  Cell cell;
  const bool inside = counts && fmaxf(fabsf(x), fmaxf(fabsf(y), fabsf(z))) <= edge;
  cell.keep = inside ? 1.0f : 0.0f;
  cell.turn = x < 0.0f ? -cell.keep : cell.keep;
  x = inside ? x * cell.turn : 0.0f;
  y = inside ? y * cell.turn : 0.0f;
  z = inside ? z * cell.turn : 0.0f;
  const float xl = floorf(x), yl = floorf(y), zl = floorf(z);
  cell.fx = x - xl;
  cell.fy = y - yl;
  cell.fz = z - zl;
  const int xi = (int)xl;
  int yi = (int)yl, zi = (int)zl;
  cell.on_plane = xi == 0;
  cell.step_y = yi == -1 ? half * (1 - box) : half;
  cell.step_z = zi == -1 ? half * box * (1 - box) : half * box;
  yi += yi < 0 ? box : 0;
  zi += zi < 0 ? box : 0;
  cell.corner = (zi * box + yi) * half + xi;
  return cell;
}

// exp(-2 pi i turns); whole turns are taken off first, where float32 is exact.
__device__ __forceinline__ float2 phase_of(float turns) {
  float2 phase;
  sincospif(-2.0f * (turns - rintf(turns)), &phase.y, &phase.x);
  return phase;
}

// Where sample (kx, ky) of an image falls: A (kx, ky, kx^2 + ky^2), A row-major 3 x 3.
template <bool CURVED>
__device__ __forceinline__ Cell cell_of_sample(const float* a, float kx, float ky, int box,
                                               int radius) {
  const float k2 = kx * kx + ky * ky;
  float x = a[0] * kx + a[1] * ky;
  float y = a[3] * kx + a[4] * ky;
  float z = a[6] * kx + a[7] * ky;
  if (CURVED) {
    x += a[2] * k2;
    y += a[5] * k2;
    z += a[8] * k2;
  }
  return cell_of(x, y, z, box, k2 <= (float)(radius * radius));
}

// Sum COUNT numbers over the block; thread i < COUNT returns with the i-th sum in its result.
// Fixed order, so that equal launches give equal bits. blockDim.x is a multiple of 32, at most 256.
template <int COUNT>
__device__ __forceinline__ float block_sums(const float (&values)[COUNT]) {
  __shared__ float partial[8][COUNT];
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
#pragma unroll
  for (int i = 0; i < COUNT; ++i) {
    float sum = values[i];
#pragma unroll
    for (int step = 16; step > 0; step >>= 1) sum += __shfl_xor_sync(FULL_WARP, sum, step);
    if (lane == 0) partial[warp][i] = sum;
  }
  __syncthreads();
  float total = 0.0f;
  if (threadIdx.x < COUNT) {
    for (int other = 0; other < (int)(blockDim.x >> 5); ++other)
      total += partial[other][threadIdx.x];
  }
  return total;
}
