/* digits_cuda: made by graphc, anew whenever the model is compiled. It runs the model on CUDA devices:
 * sm_80, sm_90a.
 *   cc -std=c11 -O2 -c digits_cuda.c        with the folder of a CUDA toolkit's cuda.h, as -I/usr/local/cuda/include
 * Kernels and constants are in digits_cuda_data.o. */
#include "digits_cuda.h"

#include <cuda.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INPUTS = 1, OUTPUTS = 1, MOST_KERNELS = 3, ALIGN = 64, FAILED = DIGITS_CUDA_FAILED, TEXT = 512 };

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
  int32_t (*run)(digits_cuda *handle, const int64_t *dims, const CUdeviceptr *inputs, const CUdeviceptr *outputs, CUstream stream);
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

struct digits_cuda {
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
  snprintf(error, TEXT, "digits: %.*s: %s (%d)", (int)strcspn(what, "("), what, text, (int)result);
  return FAILED;
}

#define LARGEST INT64_C(70368744177664) /* bytes of an array */

extern const unsigned char digits_cuda_image0[];
extern const unsigned char digits_cuda_constants[];
extern const unsigned char digits_cuda_image1[];

/* The kernels of program 0, for sm_80. */
enum { P0_dot0, P0_dot1, P0_rows0 };
static const Kernel kernels0[] = {
  {"dot0", 25600},
  {"dot1", 37888},
  {"rows0", 0},
};

/* The kernels of program 1, for sm_90a. */
enum { P1_dot0, P1_dot1, P1_rows0 };
static const Kernel kernels1[] = {
  {"dot0", 25600},
  {"dot1", 37888},
  {"rows0", 0},
};

static int64_t multiplied(int64_t a, int64_t b, bool *over) {
  int64_t c;
  if (__builtin_mul_overflow(a, b, &c)) *over = true;
  return c;
}

static int64_t floordiv(int64_t a, int64_t b) {
  return b == 0 ? 0 : a / b - (a % b != 0 && (a < 0) != (b < 0));
}

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

/* Runs a kernel; its loops over blocks stride by the grid, so that a smaller one does as well. */
static int32_t launch(digits_cuda *handle, int kernel, int64_t grid, unsigned threads, unsigned shared, uint64_t *words, size_t count,
                      CUstream stream) {
  size_t bytes = count * sizeof *words;
  void *extra[] = {CU_LAUNCH_PARAM_BUFFER_POINTER, words, CU_LAUNCH_PARAM_BUFFER_SIZE, &bytes, CU_LAUNCH_PARAM_END};
  unsigned blocks = grid > INT32_MAX ? INT32_MAX : (unsigned)grid;
  if (grid <= 0) return 0;
  return checked(handle->error, cuLaunchKernel(handle->functions[kernel], blocks, 1, 1, threads, 1, 1, shared, stream, NULL, extra),
                 handle->plan->kernels[kernel].name);
}

static int32_t check0(const int64_t *dims) {
  for (int k = 0; k < 1; ++k)
    if ((uint64_t)dims[k] > LARGEST) return 1;
  bool over = false;
  const int64_t dim0 = dims[0];
  const bool fits = multiplied(dim0, 256, &over) <= LARGEST && multiplied(dim0, 128, &over) <= LARGEST
      && multiplied(dim0, 40, &over) <= LARGEST;
  return fits && !over ? 0 : 1;
}

static int64_t arena0(const int64_t *dims) {
  const int64_t dim0 = dims[0];
  const int64_t size0 = (floordiv((dim0 * 40) + 63, 64) * 64) + (dim0 * 128);
  return size0 + 128;
}

static int32_t run0(digits_cuda *handle, const int64_t *dims, const CUdeviceptr *inputs,
                    const CUdeviceptr *outputs, CUstream stream) {
  const int64_t dim0 = dims[0];
  const int64_t size0 = smaller(floordiv(floordiv(dim0 + 63, 64), 108), 1);
  const int64_t size1 = (floordiv(dim0 + 15, 16) * 2) + ((floordiv(dim0 + 15, 16) * size0) * (-2));
  const int64_t size2 = smaller(floordiv(floordiv(dim0 + 127, 128), 108), 1);
  const int64_t size3 = floordiv(dim0 + 31, 32) + ((floordiv(dim0 + 31, 32) * size2) * (-1));
  const int64_t size4 = larger(floordiv(dim0 + 127, 128) * size2, size3);
  const CUdeviceptr at0 = inputs[0];  /* pixels0: f32[pixels_0_0,64] */
  const CUdeviceptr at1 = handle->constants;  /* c0: f32[64,32] */
  const CUdeviceptr at2 = handle->arena;  /* max0: f32[pixels_0_0,32] */
  const CUdeviceptr at3 = handle->constants + (CUdeviceptr)8192;  /* c1: f32[32,10] */
  const CUdeviceptr at4 = handle->arena + (CUdeviceptr)((dim0 * 128) + 64);  /* add0: f32[pixels_0_0,10] */
  const CUdeviceptr at5 = outputs[0];  /* mul0: f32[pixels_0_0,10] */
  TRY(launch(handle, P0_dot0, larger(floordiv(dim0 + 63, 64) * size0, size1), 256, 25600,
             (uint64_t[]){at0, at1, at2, dim0}, 4, stream));
  TRY(launch(handle, P0_dot1, size4, 256, 37888, (uint64_t[]){at2, at3, at4, dim0}, 4, stream));
  TRY(launch(handle, P0_rows0, floordiv(dim0 + 31, 32), 256, 0, (uint64_t[]){at4, at5, dim0}, 3, stream));
  return 0;
}

static int32_t run1(digits_cuda *handle, const int64_t *dims, const CUdeviceptr *inputs,
                    const CUdeviceptr *outputs, CUstream stream) {
  const int64_t dim0 = dims[0];
  const int64_t size0 = smaller(floordiv(floordiv(dim0 + 63, 64), 132), 1);
  const int64_t size1 = (floordiv(dim0 + 15, 16) * 2) + ((floordiv(dim0 + 15, 16) * size0) * (-2));
  const int64_t size2 = smaller(floordiv(floordiv(dim0 + 127, 128), 132), 1);
  const int64_t size3 = floordiv(dim0 + 31, 32) + ((floordiv(dim0 + 31, 32) * size2) * (-1));
  const int64_t size4 = larger(floordiv(dim0 + 127, 128) * size2, size3);
  const CUdeviceptr at0 = inputs[0];  /* pixels0: f32[pixels_0_0,64] */
  const CUdeviceptr at1 = handle->constants;  /* c0: f32[64,32] */
  const CUdeviceptr at2 = handle->arena;  /* max0: f32[pixels_0_0,32] */
  const CUdeviceptr at3 = handle->constants + (CUdeviceptr)8192;  /* c1: f32[32,10] */
  const CUdeviceptr at4 = handle->arena + (CUdeviceptr)((dim0 * 128) + 64);  /* add0: f32[pixels_0_0,10] */
  const CUdeviceptr at5 = outputs[0];  /* mul0: f32[pixels_0_0,10] */
  TRY(launch(handle, P1_dot0, larger(floordiv(dim0 + 63, 64) * size0, size1), 256, 25600,
             (uint64_t[]){at0, at1, at2, dim0}, 4, stream));
  TRY(launch(handle, P1_dot1, size4, 256, 37888, (uint64_t[]){at2, at3, at4, dim0}, 4, stream));
  TRY(launch(handle, P1_rows0, floordiv(dim0 + 31, 32), 256, 0, (uint64_t[]){at4, at5, dim0}, 3, stream));
  return 0;
}

static const Plan plans[] = {
  {digits_cuda_image0, digits_cuda_constants, 9472, 3, kernels0, check0, arena0, run0},
  {digits_cuda_image1, digits_cuda_constants, 9472, 3, kernels1, check0, arena0, run1},
};

/* Which program a device runs: the first of these that fits. */
static const Code codes[] = {
  {90, EXACT, 1},  /* sm_90a */
  {80, FAMILY, 0},  /* sm_80 */
};

/* Bytes of all inputs and then all outputs. */
static void measure(const int64_t *dims, int64_t *bytes) {
  const int64_t dim0 = dims[0];
  bytes[0] = dim0 * 256;  /* pixels */
  bytes[1] = dim0 * 40;  /* probabilities */
}

void digits_cuda_shapes(const int64_t *dims, int64_t *sizes) {
  const int64_t dim0 = dims[0];
  sizes[0] = dim0;
  sizes[1] = 10;
}

/* The input that an output is written over, or -1; and which inputs these are. */
static const int owner[] = {-1};
static const bool is_state[] = {0};

/* Makes room on the device; what was there is lost where it was too small. */
static int32_t reserve(digits_cuda *handle, CUdeviceptr *at, int64_t *room, int64_t bytes) {
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

static int32_t forget(digits_cuda *handle) {
  CUgraphExec graph = handle->graph;
  handle->graph = NULL;
  return graph ? CALL(handle, cuGraphExecDestroy(graph)) : 0;
}

/* Looks at the sizes, and makes the scratch memory as large as they need. */
static int32_t prepare(digits_cuda *handle, const int64_t *dims) {
  if (handle->plan->check) TRY(handle->plan->check(dims));
  int64_t bytes = handle->plan->arena(dims);
  if (bytes <= handle->arena_bytes) return 0;
  TRY(forget(handle));
  return reserve(handle, &handle->arena, &handle->arena_bytes, bytes);
}

static int32_t choose(digits_cuda *handle, int ordinal) {
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
  snprintf(handle->error, TEXT, "digits has code for sm_80, sm_90a; device %d, %s, has compute capability %d.%d", ordinal, name,
           major, minor);
  return FAILED;
}

static int32_t load(digits_cuda *handle) {
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

static void drop(digits_cuda *handle) {
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

static int32_t opened(digits_cuda *handle, int device) {
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

int32_t digits_cuda_open(digits_cuda **handle, int device) {
  digits_cuda *made = calloc(1, sizeof *made);
  *handle = NULL;
  if (!made) {
    snprintf(unopened, TEXT, "digits: no memory on the host");
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

void digits_cuda_close(digits_cuda *handle) {
  if (handle) drop(handle);
}

const char *digits_cuda_error(const digits_cuda *handle) { return handle ? handle->error : unopened; }

static int32_t enter(digits_cuda *handle) { return CALL(handle, cuCtxPushCurrent(handle->context)); }

static int32_t leave(digits_cuda *handle, int32_t code) {
  CUcontext context = NULL;
  CUresult result = cuCtxPopCurrent(&context);
  return code ? code : checked(handle->error, result, "cuCtxPopCurrent");
}

static int32_t aligned(digits_cuda *handle, const CUdeviceptr *arrays, int count, const char *what) {
  for (int k = 0; k < count; ++k)
    if (arrays[k] % ALIGN) {
      snprintf(handle->error, TEXT, "digits: %s[%d] does not begin at a multiple of %d bytes", what, k, ALIGN);
      return FAILED;
    }
  return 0;
}

static int32_t run_on(digits_cuda *handle, const CUdeviceptr *inputs, const CUdeviceptr *outputs, const int64_t *dims, CUstream stream) {
  TRY(aligned(handle, inputs, INPUTS, "inputs"));
  TRY(aligned(handle, outputs, OUTPUTS, "outputs"));
  for (int k = 0; k < OUTPUTS; ++k)
    if (owner[k] >= 0 && outputs[k] != inputs[owner[k]]) {
      snprintf(handle->error, TEXT, "digits: outputs[%d] must be the memory of inputs[%d]", k, owner[k]);
      return FAILED;
    }
  TRY(prepare(handle, dims));
  return handle->plan->run(handle, dims, inputs, outputs, stream);
}

int32_t digits_cuda_run(digits_cuda *handle, const CUdeviceptr *inputs, const CUdeviceptr *outputs, const int64_t *dims, CUstream stream) {
  TRY(enter(handle));
  return leave(handle, run_on(handle, inputs, outputs, dims, stream ? stream : handle->stream));
}

int32_t digits_cuda_wait(digits_cuda *handle) {
  TRY(enter(handle));
  return leave(handle, CALL(handle, cuStreamSynchronize(handle->stream)));
}

static int32_t run_on_copies(digits_cuda *handle, const void *const *inputs, void *const *outputs, const int64_t *dims) {
  Block *in = handle->arrays, *out = in + INPUTS;
  CUdeviceptr to[INPUTS + 1], from[OUTPUTS + 1];
  int64_t bytes[INPUTS + OUTPUTS + 1];
  if (handle->plan->check) TRY(handle->plan->check(dims));
  measure(dims, bytes);
  for (int k = 0; k < INPUTS; ++k)
    if (!inputs[k] && !(is_state[k] && in[k].at && in[k].bytes == bytes[k])) {
      snprintf(handle->error, TEXT, "digits: inputs[%d] is NULL, and no run has left a value of this size for it", k);
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

int32_t digits_cuda_run_host(digits_cuda *handle, const void *const *inputs, void *const *outputs, const int64_t *dims) {
  TRY(enter(handle));
  return leave(handle, run_on_copies(handle, inputs, outputs, dims));
}

static int32_t record(digits_cuda *handle, const CUdeviceptr *inputs, const CUdeviceptr *outputs, const int64_t *dims) {
  CUgraph graph = NULL;
  TRY(forget(handle));
  TRY(prepare(handle, dims));
  TRY(CALL(handle, cuStreamBeginCapture(handle->stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL)));
  int32_t code = run_on(handle, inputs, outputs, dims, handle->stream);
  CUresult ended = cuStreamEndCapture(handle->stream, &graph);
  if (!code) code = checked(handle->error, ended, "cuStreamEndCapture");
  if (!code) code = CALL(handle, cuGraphInstantiateWithFlags(&handle->graph, graph, 0));
  if (graph) cuGraphDestroy(graph);
  return code;
}

int32_t digits_cuda_record(digits_cuda *handle, const CUdeviceptr *inputs, const CUdeviceptr *outputs, const int64_t *dims) {
  TRY(enter(handle));
  return leave(handle, record(handle, inputs, outputs, dims));
}

int32_t digits_cuda_replay(digits_cuda *handle, CUstream stream) {
  if (!handle->graph) {
    snprintf(handle->error, TEXT, "digits: nothing is recorded");
    return FAILED;
  }
  TRY(enter(handle));
  return leave(handle, CALL(handle, cuGraphLaunch(handle->graph, stream ? stream : handle->stream)));
}
