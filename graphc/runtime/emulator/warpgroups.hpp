// wgmma: products of tiles in shared memory by 128 threads. Tiles are read, and sums come, when the threads wait for them.
#pragma once
#include "hopper.hpp"

namespace gc_emu {

enum Type { F16, BF16, TF32 };

constexpr unsigned UNFINISHED = 0x7fc0dead;  // what accumulators hold meanwhile: a NaN

unsigned long long wgmma_tile(Place p, int leading, int line);

template <class P> inline unsigned long long wgmma_tile(const P& p, int leading, int line) { return wgmma_tile(place(p), leading, line); }

// The byte of shared memory where element (i, k) of a tile is; 16 bytes from a multiple of that on lie together.
int tile_byte(uint64_t descriptor, bool turned, int i, int k, int element);

template <class F> inline void each_part(uint64_t descriptor, bool turned, int rows, int depth, int element, F visit) {
  int step = 16 / element;
  for (int i = 0; i < rows; i += turned ? step : 1)
    for (int k = 0; k < depth; k += turned ? 1 : step) visit(tile_byte(descriptor, turned, i, k, element));
}

struct Request {
  float* registers;
  const unsigned* left;
  uint64_t a, b;
  int columns, type, line;
  bool add, turned_a, turned_b;
};

int depth_of(int type);
int bytes_of(int type);

template <class F> inline void each_operand(const Product& p, F visit) {
  if (p.left.empty()) each_part(p.a, p.turned_a, 64, depth_of(p.type), bytes_of(p.type), visit);
  each_part(p.b, p.turned_b, p.columns, depth_of(p.type), bytes_of(p.type), visit);
}

void wgmma(float* registers, int columns, uint64_t a, const unsigned* left, uint64_t b, bool add, int turned_a, int turned_b, Type type, int line);

void wgmma_fence(int);
void wgmma_commit(int);

struct Waiting {
  int last;
};

void wgmma_wait(int last, int line);

// What must not be left over.
void end_of_block(Block& b);

}  // namespace gc_emu
