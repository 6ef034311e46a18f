// Kernels for tests of the driver, with the interface of libraries for the emulator (graphc/runtime/emulator/entry.hpp).
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const struct Kernel {
  const char *name;
  int most_threads, arguments;
} kernels[] = {{"twice", 1024, 3}, {"count", 1024, 2}, {"geometry", 1024, 1}, {"astray", 1024, 1}, {"small", 128, 1}};

int gc_emulated_kernels(void) { return sizeof kernels / sizeof *kernels; }
const struct Kernel *gc_emulated_kernel(int i) { return kernels + i; }

int gc_emulated_launch(const char *name, int grid, int threads, int shared, const uint64_t *arguments, int count, const int64_t *sizes,
                       int size_count, void *device, void *counters, char *error, int room) {
  if (!strcmp(name, "twice")) {  // y = 2 * x, of n floats
    const float *x = (const float *)arguments[0];
    float *y = (float *)arguments[1];
    for (uint64_t i = 0; i < arguments[2]; i++) y[i] = 2 * x[i];
  } else if (!strcmp(name, "count")) {  // x = x + 1, of n ints
    for (uint64_t i = 0; i < arguments[1]; i++) ((int *)arguments[0])[i] += 1;
  } else if (!strcmp(name, "geometry")) {
    int *x = (int *)arguments[0];
    x[0] = grid, x[1] = threads, x[2] = shared;
  } else if (!strcmp(name, "astray")) {
    return snprintf(error, (size_t)room, "astray: writes beyond its array"), 1;
  }
  return 0;
}
