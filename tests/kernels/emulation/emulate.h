// Stands in for CUDA so that g++ compiles the bodies of the .cu files and runs them on a CPU.
//
// Blocks run one after another. The threads of a block are contexts of their own on one core; each
// runs until it reaches a barrier or a shuffle, then the next one does. A kernel whose threads do not
// all reach the same barriers aborts.

#pragma once

#include <ucontext.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <vector>

#define __global__
#define __device__
#define __forceinline__ inline
#define __shared__ static
#define __launch_bounds__(...)

struct float2 {
  float x, y;
};
struct short2 {
  short x, y;
};
struct Index {
  int x;
};

static Index blockIdx, blockDim, threadIdx;

namespace emulation {

constexpr std::size_t STACK_BYTES = 1 << 16;

struct Thread {
  ucontext_t context;
  std::unique_ptr<char[]> stack{new char[STACK_BYTES]};
  bool finished = false;
};

static ucontext_t scheduler;
static std::vector<Thread> threads(256);
static std::vector<float> exchanged(256);
static std::function<void()> body;

static void run_body() {
  body();
  threads[threadIdx.x].finished = true;
}

// Give the core to the next thread until all have come here.
static void barrier() {
  const int self = threadIdx.x;
  swapcontext(&threads[self].context, &scheduler);
  threadIdx.x = self;
}

static void run_block(int count) {
  for (int i = 0; i < count; ++i) {
    Thread& thread = threads[i];
    thread.finished = false;
    getcontext(&thread.context);
    thread.context.uc_stack.ss_sp = thread.stack.get();
    thread.context.uc_stack.ss_size = STACK_BYTES;
    thread.context.uc_link = &scheduler;
    makecontext(&thread.context, run_body, 0);
  }
  for (int finished = 0; finished < count;) {
    finished = 0;
    for (int i = 0; i < count; ++i) {
      threadIdx.x = i;
      swapcontext(&scheduler, &threads[i].context);
      finished += threads[i].finished;
    }
    if (finished != 0 && finished != count) {
      std::fputs("threads of a block left a barrier apart\n", stderr);
      std::abort();
    }
  }
}

static void run_grid(int grid, int block, std::function<void()> kernel) {
  body = std::move(kernel);
  blockDim.x = block;
  for (blockIdx.x = 0; blockIdx.x < grid; ++blockIdx.x) run_block(block);
}

}  // namespace emulation

inline void __syncthreads() { emulation::barrier(); }

inline float __shfl_xor_sync(unsigned, float value, int mask) {
  const int self = threadIdx.x;
  emulation::exchanged[self] = value;
  emulation::barrier();
  const float other = emulation::exchanged[self ^ mask];
  emulation::barrier();
  return other;
}

inline void sincospif(float x, float* sine, float* cosine) {
  *sine = (float)std::sin(M_PI * (double)x);
  *cosine = (float)std::cos(M_PI * (double)x);
}

inline long long __float2ll_rn(float x) { return std::llrint(x); }

template <typename T>
inline void atomicAdd(T* to, T value) {
  *to += value;
}
