// Modules are shared libraries of this machine, under a header that says what device and driver they are for.
#define _GNU_SOURCE
#include "fake.h"
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HEADER = 64, KERNELS = 256, SHARED_DEFAULT = 48 << 10, SHARED_MOST = 227 << 10 };

// What libraries for the emulator have (graphc/runtime/emulator/entry.hpp); a kernel has more parts than these.
typedef struct {
  const char *name;
  int most_threads, arguments;
} Kernel;
typedef int (*CountKernels)(void);
typedef const Kernel *(*FindKernel)(int);
typedef int (*Run)(const char *name, int grid, int threads, int shared, const uint64_t *arguments, int count, const int64_t *sizes,
                   int size_count, void *device, void *counters, char *error, int room);

struct Function {
  const Kernel *kernel;
  Run run;
  int shared;  // the most dynamic shared memory that a launch may ask for
};
struct CUmod_st {
  void *library;
  Run run;
  CountKernels count_kernels;
  FindKernel kernel;
  Function *functions[KERNELS];
  int count;
};

// "FAKECUDA sm_90a 13000\n": the architecture, and the driver that such an image needs.
static CUresult check_header(const char *image, int *offset) {
  int capability, driver;
  char exact[2] = "";
  if (sscanf(image, "FAKECUDA sm_%d%1[a] %d", &capability, exact, &driver) != 3 &&
      sscanf(image, "FAKECUDA sm_%d %d", &capability, &driver) != 2)
    return CUDA_ERROR_INVALID_IMAGE;
  int here = (int)fake_settings.capability;
  if (capability != here && (*exact || capability / 10 != here / 10 || capability > here)) return CUDA_ERROR_NO_BINARY_FOR_GPU;
  if (driver / 1000 > fake_settings.driver / 1000) return CUDA_ERROR_UNSUPPORTED_PTX_VERSION;
  *offset = HEADER;
  return CUDA_SUCCESS;
}

static size_t elf_size(const unsigned char *elf) {  // up to the end of its table of sections, which compilers write last
  uint64_t table;
  uint16_t each, count;
  memcpy(&table, elf + 0x28, 8), memcpy(&each, elf + 0x3a, 2), memcpy(&count, elf + 0x3c, 2);
  return table + (size_t)each * count;
}

CUresult cuModuleLoadData(CUmodule *module, const void *image) {
  BEGIN;
  int offset;
  CUresult result = check_header(image, &offset);
  if (result) RETURN(result);
  const unsigned char *elf = (const unsigned char *)image + offset;
  if (memcmp(elf, "\177ELF", 4)) RETURN(CUDA_ERROR_INVALID_IMAGE);
  char path[] = "/tmp/fakecuda-XXXXXX";  // a name that no library had: those that stay loaded would be taken for this one
  int file = mkstemp(path);
  size_t bytes = elf_size(elf);
  void *library = write(file, elf, bytes) == (ssize_t)bytes ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
  close(file);
  unlink(path);
  if (!library) RETURN(CUDA_ERROR_INVALID_IMAGE);
  *module = calloc(1, sizeof **module);
  **module = (struct CUmod_st){.library = library,
                               .run = (Run)dlsym(library, "gc_emulated_launch"),
                               .count_kernels = (CountKernels)dlsym(library, "gc_emulated_kernels"),
                               .kernel = (FindKernel)dlsym(library, "gc_emulated_kernel")};
  if (!(*module)->run || !(*module)->count_kernels || !(*module)->kernel) RETURN(CUDA_ERROR_INVALID_IMAGE);
  RETURN(CUDA_SUCCESS);
}

// The log of errors is empty; for what is no image at all it is left as pycuda's buffer happens to be, which is not always text.
CUresult cuModuleLoadDataEx(CUmodule *module, const void *image, unsigned count, CUjit_option *options, void **values) {
  CUresult result = cuModuleLoadData(module, image);
  for (unsigned i = 0; i < count; i++) {
    if (result == CUDA_ERROR_INVALID_IMAGE && options[i] == CU_JIT_ERROR_LOG_BUFFER) memset(values[i], 0xec, 8);
    if (result != CUDA_ERROR_INVALID_IMAGE && options[i] == CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES) values[i] = NULL;
    if (options[i] == CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES) values[i] = NULL;
  }
  return result;
}

CUresult cuModuleUnload(CUmodule module) {
  BEGIN;
  fake_finish_all();
  for (int i = 0; i < module->count; i++) free(module->functions[i]);
  dlclose(module->library);
  free(module);
  RETURN(CUDA_SUCCESS);
}

CUresult cuModuleGetFunction(CUfunction *function, CUmodule module, const char *name) {
  BEGIN;
  const Kernel *kernel = NULL;
  for (int i = 0; i < module->count_kernels() && !kernel; i++)
    if (!strcmp(module->kernel(i)->name, name)) kernel = module->kernel(i);
  if (!kernel || module->count == KERNELS) RETURN(CUDA_ERROR_NOT_FOUND);
  Function *made = malloc(sizeof *made);
  *made = (Function){kernel, module->run, SHARED_DEFAULT};
  module->functions[module->count++] = made;
  *function = (CUfunction)made;
  RETURN(CUDA_SUCCESS);
}

CUresult cuFuncSetAttribute(CUfunction function, CUfunction_attribute attribute, int value) {
  BEGIN;
  if (attribute != CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES || value < 0 || value > SHARED_MOST) RETURN(CUDA_ERROR_INVALID_VALUE);
  ((Function *)function)->shared = value;
  RETURN(CUDA_SUCCESS);
}

CUresult cuFuncGetAttribute(int *value, CUfunction_attribute attribute, CUfunction function) {
  BEGIN;
  switch (attribute) {
    case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES: *value = ((Function *)function)->shared; break;
    case CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK: *value = ((Function *)function)->kernel->most_threads; break;
    case CU_FUNC_ATTRIBUTE_NUM_REGS: *value = 32; break;
    default: *value = 0;
  }
  RETURN(CUDA_SUCCESS);
}

CUresult cuLaunchKernel(CUfunction function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                        unsigned shared, CUstream stream, void **parameters, void **extra) {
  BEGIN;
  if (!gx || gy != 1 || gz != 1 || gx > 0x7fffffffu || !bx || by != 1 || bz != 1) RETURN(CUDA_ERROR_INVALID_VALUE);
  const Function *f = (Function *)function;
  if (bx > (unsigned)f->kernel->most_threads) RETURN(CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES);
  if (bx > 1024 || shared > (unsigned)f->shared) RETURN(CUDA_ERROR_INVALID_VALUE);
  if (parameters || extra[0] != CU_LAUNCH_PARAM_BUFFER_POINTER || extra[2] != CU_LAUNCH_PARAM_BUFFER_SIZE) RETURN(CUDA_ERROR_INVALID_VALUE);
  size_t bytes = *(size_t *)extra[3];
  if (bytes != 8 * (size_t)f->kernel->arguments) RETURN(CUDA_ERROR_INVALID_VALUE);
  Work work = {.kind = LAUNCH, .bytes = bytes, .function = (Function *)function, .grid = gx, .threads = bx, .shared = shared};
  work.arguments = memcpy(malloc(bytes + 1), extra[1], bytes);
  RETURN(fake_enqueue(stream, work));
}

CUresult fake_run(Function *f, unsigned grid, unsigned threads, unsigned shared, const void *arguments, size_t bytes) {
  if (!fake_settings.fault_after) return (CUresult)fake_settings.fault_code;
  if (fake_settings.fault_after > 0) fake_settings.fault_after--;
  fake_counts.launches++;
  char wrong[4096];
  if (!f->run(f->kernel->name, (int)grid, (int)threads, (int)shared, arguments, (int)(bytes / 8), NULL, 0, NULL, NULL, wrong, sizeof wrong))
    return CUDA_SUCCESS;
  fprintf(stderr, "%s\n", wrong);
  return CUDA_ERROR_ILLEGAL_ADDRESS;
}

// A tensor map here is what the emulator's copies read (graphc/runtime/emulator/tensor_map.py).
CUresult cuTensorMapEncodeTiled(CUtensorMap *map, CUtensorMapDataType type, cuuint32_t rank, void *address,
                                const cuuint64_t *sizes, const cuuint64_t *strides, const cuuint32_t *box,
                                const cuuint32_t *steps, CUtensorMapInterleave interleave, CUtensorMapSwizzle swizzle,
                                CUtensorMapL2promotion promotion, CUtensorMapFloatOOBfill fill) {
  static const unsigned sizes_of[] = {1, 2, 4, 4, 8, 8, 2, 4, 8, 2};
  (void)steps, (void)interleave, (void)promotion, (void)fill;
  if (rank < 1 || rank > 4 || (unsigned)type >= sizeof sizes_of / sizeof *sizes_of || (uintptr_t)address % 16 || (uintptr_t)map % 64) return CUDA_ERROR_INVALID_VALUE;
  for (unsigned i = 0; i < rank; i++)
    if (!sizes[i] || sizes[i] > (1ull << 32) || !box[i] || box[i] > 256 || (i + 1 < rank && strides[i] % 16)) return CUDA_ERROR_INVALID_VALUE;
  struct {
    uint64_t magic, address;
    uint32_t rank, element, swizzle, unused, sizes[4], box[4];
    uint64_t strides[4];
  } made = {.magic = 0x70614d726f736e54, .address = (uint64_t)address, .rank = rank, .element = sizes_of[type], .swizzle = swizzle};
  for (unsigned i = 0; i < rank; i++)
    made.sizes[i] = (uint32_t)sizes[i], made.box[i] = box[i], made.strides[i] = i ? strides[i - 1] : made.element;
  memset(map, 0, sizeof *map);
  memcpy(map, &made, sizeof made);
  return CUDA_SUCCESS;
}
