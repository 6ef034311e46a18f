// Kernels for tests of the driver, as the fake one calls them.
#include <stdint.h>

typedef const unsigned char *Arguments;

static uint64_t word(Arguments a, int k) { return ((const uint64_t *)a)[k]; }

// y = 2 * x, of n floats
const char *gc_run_twice(long grid, int threads, int shared, Arguments a, long bytes) {
  const float *x = (const float *)word(a, 0);
  float *y = (float *)word(a, 1);
  if (bytes != 24) return "twice: three arguments";
  for (uint64_t i = 0; i < word(a, 2); i++) y[i] = 2 * x[i];
  return 0;
}

// x = x + 1, of n ints
const char *gc_run_count(long grid, int threads, int shared, Arguments a, long bytes) {
  int *x = (int *)word(a, 0);
  for (uint64_t i = 0; i < word(a, 1); i++) x[i] += 1;
  return 0;
}

// The launch itself: grid, threads and shared memory
const char *gc_run_geometry(long grid, int threads, int shared, Arguments a, long bytes) {
  int *x = (int *)word(a, 0);
  x[0] = (int)grid, x[1] = threads, x[2] = shared;
  return 0;
}

const char *gc_run_astray(long grid, int threads, int shared, Arguments a, long bytes) { return "astray: writes beyond its array"; }
