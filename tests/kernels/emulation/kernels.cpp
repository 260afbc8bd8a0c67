// The kernels as C functions: emulated_NAME(grid, block, arguments of the kernel).

#include "emulate.h"

#include "backproject.cu"
#include "correlate.cu"

#define EMULATED_CORRELATE(name)                                                               \
  extern "C" void emulated_##name(int grid, int block, const float2* volume, int box,          \
                                  const float2* images, const float* weights, const int* group,\
                                  const float* matrices, const float* shifts,                  \
                                  const int* radius, const short2* frequencies, int samples,   \
                                  int zero, float* results) {                                  \
    emulation::run_grid(grid, block, [=] {                                                     \
      name(volume, box, images, weights, group, matrices, shifts, radius, frequencies, samples,\
           zero, results);                                                                     \
    });                                                                                        \
  }

#define EMULATED_BACKPROJECT(name, sum)                                                        \
  extern "C" void emulated_##name(int grid, int block, sum* sums, int box,                     \
                                  const float2* images, const float* weights, const int* group,\
                                  const float* matrices, const float* shifts,                  \
                                  const int* radius, const short2* frequencies, int samples,   \
                                  int zero, float scale) {                                     \
    emulation::run_grid(grid, block, [=] {                                                     \
      name(sums, box, images, weights, group, matrices, shifts, radius, frequencies, samples,  \
           zero, scale);                                                                       \
    });                                                                                        \
  }

EMULATED_CORRELATE(correlate_values)
EMULATED_CORRELATE(correlate_values_curved)
EMULATED_CORRELATE(correlate_gradients)
EMULATED_CORRELATE(correlate_gradients_curved)
EMULATED_BACKPROJECT(backproject_fixed, long long)
EMULATED_BACKPROJECT(backproject_fixed_curved, long long)
EMULATED_BACKPROJECT(backproject_float, float)
EMULATED_BACKPROJECT(backproject_float_curved, float)
