// What a module has after its text: its table of kernels (build.py writes GC_KERNELS), and the functions by which it is called.
#pragma once

static const gc_emu::Kernel gc_kernels[] = {GC_KERNELS};

#define GC_EXPORTED extern "C" __attribute__((visibility("default")))

GC_EXPORTED int gc_emulated_kernels() { return static_cast<int>(sizeof gc_kernels / sizeof *gc_kernels); }

GC_EXPORTED const gc_emu::Kernel* gc_emulated_kernel(int i) { return gc_kernels + i; }

// Runs one launch to its end. `sizes`: bytes of its arrays, in their order; where there are fewer, or none, arrays reach as far as
// their memory. `device` may be null: then accesses are checked against `sizes` alone. Returns 0, or 1 and what happened in `error`;
// "line N: " in it speaks of the module's text.
GC_EXPORTED int gc_emulated_launch(const char* name, int grid, int threads, int shared, const uint64_t* arguments, int count, const int64_t* sizes,
                                   int size_count, gc_emu::Device* device, gc_emu::Counters* counters, char* error, int room) {
  return gc_emu::launch(gc_kernels, gc_emulated_kernels(), name, grid, threads, shared, arguments, count, sizes, size_count, device, counters,
                        error, room);
}
