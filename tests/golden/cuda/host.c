/* m_cuda: made by graphc, anew whenever the model is compiled. It runs the model on CUDA devices:
 * sm_80, sm_90a, and by PTX those newer than sm_80.
 *   cc -std=c11 -O2 -c m_cuda.c        with the folder of a CUDA toolkit's cuda.h, as -I/usr/local/cuda/include
 * Kernels and constants are in m_cuda_data.o. */
#include "m_cuda.h"

#include <cuda.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INPUTS = 2, OUTPUTS = 2, MOST_KERNELS = 4, ALIGN = 64, FAILED = M_CUDA_FAILED, TEXT = 512 };

typedef struct {
  const char *name;
  int shared;  /* bytes of a block at the most */
} Kernel;

/* What is done on a device of one kind. */
typedef struct {
  const void *image, *constants;
  size_t constant_bytes;
  int count;  /* of the kernels */
  const Kernel *kernels;
  int32_t (*check)(const int64_t *dims);  /* NULL where all sizes are fixed */
  int64_t (*arena)(const int64_t *dims);
  int32_t (*run)(m_cuda *handle, const int64_t *dims, const CUdeviceptr *inputs, const CUdeviceptr *outputs, CUstream stream);
} Plan;

/* Code for devices of this compute capability (80 for 8.0) alone; for those of its major number that are not lesser; or
 * PTX, which the driver compiles for all that are not lesser. */
typedef struct {
  int capability;
  enum { EXACT, FAMILY, NEWER } kind;
  int plan;
} Code;

typedef struct {
  CUdeviceptr at;
  int64_t room, bytes;  /* that are there; that are used */
} Block;

struct m_cuda {
  CUdevice device;
  CUcontext context;
  CUmodule module;
  CUstream stream;
  const Plan *plan;
  CUfunction functions[MOST_KERNELS];
  CUdeviceptr constants, arena;
  int64_t arena_bytes;
  Block arrays[INPUTS + OUTPUTS + 1];  /* of run_host: inputs, then outputs */
  CUgraphExec graph;
  char error[TEXT];
};

#define TRY(call)               \
  do {                          \
    int32_t code_ = (call);     \
    if (code_) return code_;    \
  } while (0)
#define CALL(handle, call) checked((handle)->error, call, #call)

/* 0 where CUDA has done what was asked for, else FAILED and a text. */
static int32_t checked(char *error, CUresult result, const char *what) {
  const char *text = NULL;
  if (result == CUDA_SUCCESS) return 0;
  if (cuGetErrorString(result, &text) || !text) text = "unknown error";
  snprintf(error, TEXT, "m: %.*s: %s (%d)", (int)strcspn(what, "("), what, text, (int)result);
  return FAILED;
}

#define LARGEST INT64_C(70368744177664) /* bytes of an array */

extern const unsigned char m_cuda_image0[];
extern const unsigned char m_cuda_constants[];
extern const unsigned char m_cuda_image1[];

/* The kernels of program 0, for sm_80. */
enum { P0_look, P0_row, P0_test, P0_map };
static const Kernel kernels0[] = {
  {"look", 0},
  {"row", 65536},
  {"test", 0},
  {"map", 0},
};

/* The kernels of program 1, for sm_90a. */
enum { P1_look, P1_row, P1_test, P1_map };
static const Kernel kernels1[] = {
  {"look", 0},
  {"row", 65536},
  {"test", 0},
  {"map", 0},
};

static int64_t multiplied(int64_t a, int64_t b, bool *over) {
  int64_t c;
  if (__builtin_mul_overflow(a, b, &c)) *over = true;
  return c;
}

static int64_t floordiv(int64_t a, int64_t b) {
  return b == 0 ? 0 : a / b - (a % b != 0 && (a < 0) != (b < 0));
}

static int64_t floormod(int64_t a, int64_t b) {
  return b == 0 ? 0 : (a % b + b) % b;
}

/* Runs a kernel; its loops over blocks stride by the grid, so that a smaller one does as well. */
static int32_t launch(m_cuda *handle, int kernel, int64_t grid, unsigned threads, unsigned shared, uint64_t *words, size_t count,
                      CUstream stream) {
  size_t bytes = count * sizeof *words;
  void *extra[] = {CU_LAUNCH_PARAM_BUFFER_POINTER, words, CU_LAUNCH_PARAM_BUFFER_SIZE, &bytes, CU_LAUNCH_PARAM_END};
  unsigned blocks = grid > INT32_MAX ? INT32_MAX : (unsigned)grid;
  if (grid <= 0) return 0;
  return checked(handle->error, cuLaunchKernel(handle->functions[kernel], blocks, 1, 1, threads, 1, 1, shared, stream, NULL, extra),
                 handle->plan->kernels[kernel].name);
}

static int32_t copy(m_cuda *handle, CUdeviceptr to, CUdeviceptr from, int64_t bytes, CUstream stream) {
  return bytes == 0 || to == from ? 0 : CALL(handle, cuMemcpyDtoDAsync(to, from, (size_t)bytes, stream));
}

/* Writes the number of a turn of a loop, its low half first. */
static int32_t number(m_cuda *handle, CUdeviceptr at, int64_t turn, CUstream stream) {
  TRY(CALL(handle, cuMemsetD32Async(at, (unsigned)turn, 1, stream)));
  return CALL(handle, cuMemsetD32Async(at + 4, (unsigned)((uint64_t)turn >> 32), 1, stream));
}

/* Brings a number to the host, once everything before is done. */
static int32_t fetch(m_cuda *handle, void *to, CUdeviceptr from, size_t bytes, CUstream stream) {
  TRY(CALL(handle, cuMemcpyDtoHAsync(to, from, bytes, stream)));
  return CALL(handle, cuStreamSynchronize(stream));
}

static int32_t check0(const int64_t *dims) {
  for (int k = 0; k < 1; ++k)
    if ((uint64_t)dims[k] > LARGEST) return 2;
  bool over = false;
  const int64_t dim0 = dims[0];
  if (!(floormod(dim0, 2) == 0)) return 1;  /* rows come in pairs */
  const bool fits = multiplied(dim0, 32, &over) <= LARGEST;
  return fits && !over ? 0 : 2;
}

static int64_t arena0(const int64_t *dims) {
  const int64_t dim0 = dims[0];
  return (floordiv((dim0 * 32) + 63, 64) * 64) + 192;
}

static int32_t run0(m_cuda *handle, const int64_t *dims, const CUdeviceptr *inputs,
                    const CUdeviceptr *outputs, CUstream stream) {
  const int64_t dim0 = dims[0];
  const CUdeviceptr at0 = inputs[0];  /* x0: f32[n,8] */
  const CUdeviceptr at4 = handle->arena;  /* code0: i32[] */
  const CUdeviceptr at3 = handle->arena + (CUdeviceptr)192;  /* t0: f32[n,8] */
  const CUdeviceptr at5 = handle->arena + (CUdeviceptr)64;  /* turn0: i64[] */
  const CUdeviceptr at2 = handle->constants;  /* c0: f32[8] */
  const CUdeviceptr at1 = inputs[1];  /* w0: f32[8] */
  const CUdeviceptr at9 = inputs[1];  /* w1: f32[8] */
  const CUdeviceptr at6 = handle->arena + (CUdeviceptr)128;  /* go0: b1[] */
  const CUdeviceptr at8 = outputs[0];  /* y0: f32[n,8] */
  TRY(launch(handle, P0_look, floordiv(dim0 + 3, 4), 128, 0, (uint64_t[]){at0, at4, dim0}, 3, stream));
  int32_t reason0;
  TRY(fetch(handle, &reason0, at4, sizeof reason0, stream));
  if (reason0) return reason0 + 2;
  TRY(copy(handle, at3, at0, dim0 * 32, stream));
  for (int64_t turn1 = 0; turn1 < dim0; ++turn1) {
    TRY(number(handle, at5, turn1, stream));
    TRY(launch(handle, P0_row, 1, 32, 65536,
               (uint64_t[]){at0 + (CUdeviceptr)(turn1 * 32), at2, at1, at9}, 4, stream));
  }
  for (;;) {
    TRY(launch(handle, P0_test, 1, 32, 0, (uint64_t[]){at3, at6, dim0}, 3, stream));
    uint8_t flag2;
    TRY(fetch(handle, &flag2, at6, sizeof flag2, stream));
    if (!flag2) break;
    TRY(launch(handle, P0_map, floordiv(dim0 + 3, 4), 128, 0, (uint64_t[]){at3, at8, dim0}, 3, stream));
  }
  uint8_t flag3;
  TRY(fetch(handle, &flag3, at6, sizeof flag3, stream));
  if (flag3) {
    TRY(copy(handle, at8, at3, dim0 * 32, stream));
  } else {
    TRY(launch(handle, P0_map, floordiv(dim0 + 3, 4), 128, 0, (uint64_t[]){at3, at8, dim0}, 3, stream));
  }
  return 0;
}

static int32_t run1(m_cuda *handle, const int64_t *dims, const CUdeviceptr *inputs,
                    const CUdeviceptr *outputs, CUstream stream) {
  const int64_t dim0 = dims[0];
  const CUdeviceptr at0 = inputs[0];  /* x0: f32[n,8] */
  const CUdeviceptr at4 = handle->arena;  /* code0: i32[] */
  const CUdeviceptr at3 = handle->arena + (CUdeviceptr)192;  /* t0: f32[n,8] */
  const CUdeviceptr at5 = handle->arena + (CUdeviceptr)64;  /* turn0: i64[] */
  const CUdeviceptr at2 = handle->constants;  /* c0: f32[8] */
  const CUdeviceptr at1 = inputs[1];  /* w0: f32[8] */
  const CUdeviceptr at9 = inputs[1];  /* w1: f32[8] */
  const CUdeviceptr at6 = handle->arena + (CUdeviceptr)128;  /* go0: b1[] */
  const CUdeviceptr at8 = outputs[0];  /* y0: f32[n,8] */
  TRY(launch(handle, P1_look, floordiv(dim0 + 7, 8), 256, 0, (uint64_t[]){at0, at4, dim0}, 3, stream));
  int32_t reason0;
  TRY(fetch(handle, &reason0, at4, sizeof reason0, stream));
  if (reason0) return reason0 + 2;
  TRY(copy(handle, at3, at0, dim0 * 32, stream));
  for (int64_t turn1 = 0; turn1 < dim0; ++turn1) {
    TRY(number(handle, at5, turn1, stream));
    TRY(launch(handle, P1_row, 1, 32, 65536,
               (uint64_t[]){at0 + (CUdeviceptr)(turn1 * 32), at2, at1, at9}, 4, stream));
  }
  for (;;) {
    TRY(launch(handle, P1_test, 1, 32, 0, (uint64_t[]){at3, at6, dim0}, 3, stream));
    uint8_t flag2;
    TRY(fetch(handle, &flag2, at6, sizeof flag2, stream));
    if (!flag2) break;
    TRY(launch(handle, P1_map, floordiv(dim0 + 7, 8), 256, 0, (uint64_t[]){at3, at8, dim0}, 3, stream));
  }
  uint8_t flag3;
  TRY(fetch(handle, &flag3, at6, sizeof flag3, stream));
  if (flag3) {
    TRY(copy(handle, at8, at3, dim0 * 32, stream));
  } else {
    TRY(launch(handle, P1_map, floordiv(dim0 + 7, 8), 256, 0, (uint64_t[]){at3, at8, dim0}, 3, stream));
  }
  return 0;
}

static const Plan plans[] = {
  {m_cuda_image0, m_cuda_constants, 64, 4, kernels0, check0, arena0, run0},
  {m_cuda_image1, m_cuda_constants, 64, 4, kernels1, check0, arena0, run1},
};

/* Which program a device runs: the first of these that fits. */
static const Code codes[] = {
  {90, EXACT, 1},  /* sm_90a */
  {80, FAMILY, 0},  /* sm_80 */
  {80, NEWER, 0},  /* PTX */
};

/* Bytes of all inputs and then all outputs. */
static void measure(const int64_t *dims, int64_t *bytes) {
  const int64_t dim0 = dims[0];
  bytes[0] = dim0 * 32;  /* x */
  bytes[1] = 32;  /* w */
  bytes[2] = dim0 * 32;  /* y */
  bytes[3] = 32;  /* w */
}

void m_cuda_shapes(const int64_t *dims, int64_t *sizes) {
  const int64_t dim0 = dims[0];
  sizes[0] = dim0;
  sizes[1] = 8;
  sizes[2] = 8;
}

/* The input that an output is written over, or -1; and which inputs these are. */
static const int owner[] = {-1, 1};
static const bool is_state[] = {0, 1};

/* Makes room on the device; what was there is lost where it was too small. */
static int32_t reserve(m_cuda *handle, CUdeviceptr *at, int64_t *room, int64_t bytes) {
  if (*at && *room >= bytes) return 0;
  if (*at) {
    TRY(CALL(handle, cuCtxSynchronize()));
    TRY(CALL(handle, cuMemFree(*at)));
    *at = 0;
    *room = 0;
  }
  TRY(CALL(handle, cuMemAlloc(at, bytes > 0 ? (size_t)bytes : 1)));
  *room = bytes;
  return 0;
}

static int32_t forget(m_cuda *handle) {
  CUgraphExec graph = handle->graph;
  handle->graph = NULL;
  return graph ? CALL(handle, cuGraphExecDestroy(graph)) : 0;
}

/* Looks at the sizes, and makes the scratch memory as large as they need. */
static int32_t prepare(m_cuda *handle, const int64_t *dims) {
  if (handle->plan->check) TRY(handle->plan->check(dims));
  int64_t bytes = handle->plan->arena(dims);
  if (bytes <= handle->arena_bytes) return 0;
  TRY(forget(handle));
  return reserve(handle, &handle->arena, &handle->arena_bytes, bytes);
}

static int32_t choose(m_cuda *handle, int ordinal) {
  int major = 0, minor = 0;
  char name[64] = "";
  TRY(CALL(handle, cuDeviceGetAttribute(&major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, handle->device)));
  TRY(CALL(handle, cuDeviceGetAttribute(&minor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, handle->device)));
  int here = 10 * major + minor;
  for (size_t k = 0; k < sizeof codes / sizeof *codes; ++k) {
    int made = codes[k].capability;
    if (codes[k].kind == EXACT ? here == made : here >= made && (codes[k].kind == NEWER || here / 10 == made / 10)) {
      handle->plan = &plans[codes[k].plan];
      return 0;
    }
  }
  TRY(CALL(handle, cuDeviceGetName(name, (int)sizeof name, handle->device)));
  snprintf(handle->error, TEXT, "m has code for sm_80, sm_90a, and by PTX those newer than sm_80; device %d, %s, has compute capability %d.%d", ordinal, name,
           major, minor);
  return FAILED;
}

static int32_t load(m_cuda *handle) {
  const Plan *plan = handle->plan;
  TRY(CALL(handle, cuStreamCreate(&handle->stream, CU_STREAM_NON_BLOCKING)));
  if (plan->count) TRY(CALL(handle, cuModuleLoadData(&handle->module, plan->image)));
  for (int k = 0; k < plan->count; ++k) {
    CUfunction *function = &handle->functions[k];
    TRY(checked(handle->error, cuModuleGetFunction(function, handle->module, plan->kernels[k].name), plan->kernels[k].name));
    if (plan->kernels[k].shared > 48 << 10)
      TRY(CALL(handle, cuFuncSetAttribute(*function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, plan->kernels[k].shared)));
  }
  if (plan->constant_bytes) {
    TRY(CALL(handle, cuMemAlloc(&handle->constants, plan->constant_bytes)));
    TRY(CALL(handle, cuMemcpyHtoDAsync(handle->constants, plan->constants, plan->constant_bytes, handle->stream)));
    TRY(CALL(handle, cuStreamSynchronize(handle->stream)));
  }
  return plan->check ? 0 : prepare(handle, NULL);
}

static void drop(m_cuda *handle) {
  CUcontext context = NULL;
  if (handle->context && cuCtxPushCurrent(handle->context) == CUDA_SUCCESS) {
    cuCtxSynchronize();
    forget(handle);
    for (int k = 0; k < INPUTS + OUTPUTS; ++k)
      if (handle->arrays[k].at) cuMemFree(handle->arrays[k].at);
    if (handle->arena) cuMemFree(handle->arena);
    if (handle->constants) cuMemFree(handle->constants);
    if (handle->module) cuModuleUnload(handle->module);
    if (handle->stream) cuStreamDestroy(handle->stream);
    cuCtxPopCurrent(&context);
  }
  if (handle->context) cuDevicePrimaryCtxRelease(handle->device);
  free(handle);
}

static _Thread_local char unopened[TEXT];

static int32_t opened(m_cuda *handle, int device) {
  CUcontext context = NULL;
  TRY(CALL(handle, cuInit(0)));
  TRY(CALL(handle, cuDeviceGet(&handle->device, device)));
  TRY(choose(handle, device));
  TRY(CALL(handle, cuDevicePrimaryCtxRetain(&handle->context, handle->device)));
  TRY(CALL(handle, cuCtxPushCurrent(handle->context)));
  int32_t code = load(handle);
  cuCtxPopCurrent(&context);
  return code;
}

int32_t m_cuda_open(m_cuda **handle, int device) {
  m_cuda *made = calloc(1, sizeof *made);
  *handle = NULL;
  if (!made) {
    snprintf(unopened, TEXT, "m: no memory on the host");
    return FAILED;
  }
  int32_t code = opened(made, device);
  if (!code) {
    *handle = made;
    return 0;
  }
  snprintf(unopened, TEXT, "%s", made->error);
  drop(made);
  return code;
}

void m_cuda_close(m_cuda *handle) {
  if (handle) drop(handle);
}

const char *m_cuda_error(const m_cuda *handle) { return handle ? handle->error : unopened; }

static int32_t enter(m_cuda *handle) { return CALL(handle, cuCtxPushCurrent(handle->context)); }

static int32_t leave(m_cuda *handle, int32_t code) {
  CUcontext context = NULL;
  CUresult result = cuCtxPopCurrent(&context);
  return code ? code : checked(handle->error, result, "cuCtxPopCurrent");
}

static int32_t aligned(m_cuda *handle, const CUdeviceptr *arrays, int count, const char *what) {
  for (int k = 0; k < count; ++k)
    if (arrays[k] % ALIGN) {
      snprintf(handle->error, TEXT, "m: %s[%d] does not begin at a multiple of %d bytes", what, k, ALIGN);
      return FAILED;
    }
  return 0;
}

static int32_t run_on(m_cuda *handle, const CUdeviceptr *inputs, const CUdeviceptr *outputs, const int64_t *dims, CUstream stream) {
  TRY(aligned(handle, inputs, INPUTS, "inputs"));
  TRY(aligned(handle, outputs, OUTPUTS, "outputs"));
  for (int k = 0; k < OUTPUTS; ++k)
    if (owner[k] >= 0 && outputs[k] != inputs[owner[k]]) {
      snprintf(handle->error, TEXT, "m: outputs[%d] must be the memory of inputs[%d]", k, owner[k]);
      return FAILED;
    }
  TRY(prepare(handle, dims));
  return handle->plan->run(handle, dims, inputs, outputs, stream);
}

int32_t m_cuda_run(m_cuda *handle, const CUdeviceptr *inputs, const CUdeviceptr *outputs, const int64_t *dims, CUstream stream) {
  TRY(enter(handle));
  return leave(handle, run_on(handle, inputs, outputs, dims, stream ? stream : handle->stream));
}

int32_t m_cuda_wait(m_cuda *handle) {
  TRY(enter(handle));
  return leave(handle, CALL(handle, cuStreamSynchronize(handle->stream)));
}

static int32_t run_on_copies(m_cuda *handle, const void *const *inputs, void *const *outputs, const int64_t *dims) {
  Block *in = handle->arrays, *out = in + INPUTS;
  CUdeviceptr to[INPUTS + 1], from[OUTPUTS + 1];
  int64_t bytes[INPUTS + OUTPUTS + 1];
  if (handle->plan->check) TRY(handle->plan->check(dims));
  measure(dims, bytes);
  for (int k = 0; k < INPUTS; ++k)
    if (!inputs[k] && !(is_state[k] && in[k].at && in[k].bytes == bytes[k])) {
      snprintf(handle->error, TEXT, "m: inputs[%d] is NULL, and no run has left a value of this size for it", k);
      return FAILED;
    }
  for (int k = 0; k < INPUTS; ++k) {
    TRY(reserve(handle, &in[k].at, &in[k].room, bytes[k]));
    in[k].bytes = bytes[k];
    if (inputs[k] && bytes[k]) TRY(CALL(handle, cuMemcpyHtoDAsync(in[k].at, inputs[k], (size_t)bytes[k], handle->stream)));
    to[k] = in[k].at;
  }
  for (int k = 0; k < OUTPUTS; ++k) {
    if (owner[k] < 0) TRY(reserve(handle, &out[k].at, &out[k].room, bytes[INPUTS + k]));
    from[k] = owner[k] < 0 ? out[k].at : in[owner[k]].at;
  }
  TRY(run_on(handle, to, from, dims, handle->stream));
  for (int k = 0; k < OUTPUTS; ++k)
    if (outputs[k] && bytes[INPUTS + k]) TRY(CALL(handle, cuMemcpyDtoHAsync(outputs[k], from[k], (size_t)bytes[INPUTS + k], handle->stream)));
  return CALL(handle, cuStreamSynchronize(handle->stream));
}

int32_t m_cuda_run_host(m_cuda *handle, const void *const *inputs, void *const *outputs, const int64_t *dims) {
  TRY(enter(handle));
  return leave(handle, run_on_copies(handle, inputs, outputs, dims));
}
