// ldmatrix and mma.sync: a warp's registers and matrices, as the PTX manual lays them out.
#pragma once
#include "copies.hpp"

namespace gc_emu {

struct Rows {
  unsigned* registers;
  const char* row;
  int count;
  bool turned;
};

void ldmatrix(unsigned* registers, Place p, int count, bool turned, int line);

template <class S> inline void ldmatrix(unsigned* registers, const S& row, int count, bool turned, int line) {
  ldmatrix(registers, place(row), count, turned, line);
}

struct Fragments {
  float* d;
  const unsigned *a, *b;
  float (*convert)(unsigned short);
};

template <int K> inline void multiply(Fragments** lanes, const float (*a)[K], const float (*b)[8]) {  // sums are rounded once
  for (int lane = 0; lane < 32; ++lane)
    for (int i = 0; i < 4; ++i) {
      int row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
      double sum = lanes[lane]->d[i];
      for (int k = 0; k < K; ++k) sum += static_cast<double>(a[row][k]) * b[k][column];
      lanes[lane]->d[i] = static_cast<float>(sum);
    }
  block->counters.tensor_products += 16 * 8 * K;
}

void mma_16(float* d, const unsigned* a, const unsigned* b, float (*convert)(unsigned short), int line);

void mma_tf32(float* d, const unsigned* a, const unsigned* b, int line);

}  // namespace gc_emu
