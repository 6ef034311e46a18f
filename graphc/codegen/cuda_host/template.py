"""The parts of the host code that are the same for all models, with names to be filled in."""

BASE = """\
/* {entry}: made by graphc, anew whenever the model is compiled. It runs the model on CUDA devices:
 * {has}.
 *   cc -std=c11 -O2 -c {stem}.c        with the folder of a CUDA toolkit's cuda.h, as -I/usr/local/cuda/include
 * Kernels and constants are in {stem}_data.o. */
#include "{header}"

#include <cuda.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {{ INPUTS = {inputs}, OUTPUTS = {outputs}, MOST_KERNELS = {kernels}, ALIGN = {align}, FAILED = {macro}_FAILED, TEXT = 512 }};

typedef struct {{
  const char *name;
  int shared;  /* bytes of a block at the most */
}} Kernel;

/* What is done on a device of one kind. */
typedef struct {{
  const void *image, *constants;
  size_t constant_bytes;
  int count;  /* of the kernels */
  const Kernel *kernels;
  int32_t (*check)(const int64_t *dims);  /* NULL where all sizes are fixed */
  int64_t (*arena)(const int64_t *dims);
  int32_t (*run)({entry} *handle, const int64_t *dims, const CUdeviceptr *inputs, const CUdeviceptr *outputs, CUstream stream);
}} Plan;

/* Code for devices of this compute capability (80 for 8.0) alone; for those of its major number that are not lesser; or
 * PTX, which the driver compiles for all that are not lesser. */
typedef struct {{
  int capability;
  enum {{ EXACT, FAMILY, NEWER }} kind;
  int plan;
}} Code;

typedef struct {{
  CUdeviceptr at;
  int64_t room, bytes;  /* that are there; that are used */
}} Block;

struct {entry} {{
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
}};

#define TRY(call)               \\
  do {{                          \\
    int32_t code_ = (call);     \\
    if (code_) return code_;    \\
  }} while (0)
#define CALL(handle, call) checked((handle)->error, call, #call)

/* 0 where CUDA has done what was asked for, else FAILED and a text. */
static int32_t checked(char *error, CUresult result, const char *what) {{
  const char *text = NULL;
  if (result == CUDA_SUCCESS) return 0;
  if (cuGetErrorString(result, &text) || !text) text = "unknown error";
  snprintf(error, TEXT, "{name}: %.*s: %s (%d)", (int)strcspn(what, "("), what, text, (int)result);
  return FAILED;
}}

"""
ARITHMETIC = {
    "added": """
static int64_t added(int64_t a, int64_t b, bool *over) {
  int64_t c;
  if (__builtin_add_overflow(a, b, &c)) *over = true;
  return c;
}
""",
    "subtracted": """
static int64_t subtracted(int64_t a, int64_t b, bool *over) {
  int64_t c;
  if (__builtin_sub_overflow(a, b, &c)) *over = true;
  return c;
}
""",
    "multiplied": """
static int64_t multiplied(int64_t a, int64_t b, bool *over) {
  int64_t c;
  if (__builtin_mul_overflow(a, b, &c)) *over = true;
  return c;
}
""",
    "floordiv": """
static int64_t floordiv(int64_t a, int64_t b) {
  return b == 0 ? 0 : a / b - (a % b != 0 && (a < 0) != (b < 0));
}
""",
    "floormod": """
static int64_t floormod(int64_t a, int64_t b) {
  return b == 0 ? 0 : (a % b + b) % b;
}
""",
    "smaller": """
static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
""",
    "larger": """
static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
""",
}
_STEPS = {
    "launch": """
/* Runs a kernel; its loops over blocks stride by the grid, so that a smaller one does as well. */
static int32_t launch({entry} *handle, int kernel, int64_t grid, unsigned threads, unsigned shared, uint64_t *words, size_t count,
                      CUstream stream) {{
  size_t bytes = count * sizeof *words;
  void *extra[] = {{CU_LAUNCH_PARAM_BUFFER_POINTER, words, CU_LAUNCH_PARAM_BUFFER_SIZE, &bytes, CU_LAUNCH_PARAM_END}};
  unsigned blocks = grid > INT32_MAX ? INT32_MAX : (unsigned)grid;
  if (grid <= 0) return 0;
  return checked(handle->error, cuLaunchKernel(handle->functions[kernel], blocks, 1, 1, threads, 1, 1, shared, stream, NULL, extra),
                 handle->plan->kernels[kernel].name);
}}
""",
    "tensor_map": """
/* What the copy engine is told of an array, in place of its address; rows of a box are swizzled by 128 bytes. */
static int32_t tensor_map({entry} *handle, uint64_t *words, CUdeviceptr at, CUtensorMapDataType type, cuuint32_t rank,
                          const cuuint64_t *sizes, const cuuint64_t *strides, const cuuint32_t *box) {{
  static const cuuint32_t steps[] = {{1, 1, 1, 1}};
  CUtensorMap map;
  TRY(CALL(handle, cuTensorMapEncodeTiled(&map, type, rank, (void *)(uintptr_t)at, sizes, strides, box, steps,
                                          CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                                          CU_TENSOR_MAP_L2_PROMOTION_L2_128B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE)));
  memcpy(words, &map, sizeof map);
  return 0;
}}
""",
    "copy": """
static int32_t copy({entry} *handle, CUdeviceptr to, CUdeviceptr from, int64_t bytes, CUstream stream) {{
  return bytes == 0 || to == from ? 0 : CALL(handle, cuMemcpyDtoDAsync(to, from, (size_t)bytes, stream));
}}
""",
    "number": """
/* Writes the number of a turn of a loop, its low half first. */
static int32_t number({entry} *handle, CUdeviceptr at, int64_t turn, CUstream stream) {{
  TRY(CALL(handle, cuMemsetD32Async(at, (unsigned)turn, 1, stream)));
  return CALL(handle, cuMemsetD32Async(at + 4, (unsigned)((uint64_t)turn >> 32), 1, stream));
}}
""",
    "fetch": """
/* Brings a number to the host, once everything before is done. */
static int32_t fetch({entry} *handle, void *to, CUdeviceptr from, size_t bytes, CUstream stream) {{
  TRY(CALL(handle, cuMemcpyDtoHAsync(to, from, bytes, stream)));
  return CALL(handle, cuStreamSynchronize(stream));
}}
""",
}
_HANDLE = """
/* Makes room on the device; what was there is lost where it was too small. */
static int32_t reserve({entry} *handle, CUdeviceptr *at, int64_t *room, int64_t bytes) {{
  if (*at && *room >= bytes) return 0;
  if (*at) {{
    TRY(CALL(handle, cuCtxSynchronize()));
    TRY(CALL(handle, cuMemFree(*at)));
    *at = 0;
    *room = 0;
  }}
  TRY(CALL(handle, cuMemAlloc(at, bytes > 0 ? (size_t)bytes : 1)));
  *room = bytes;
  return 0;
}}

static int32_t forget({entry} *handle) {{
  CUgraphExec graph = handle->graph;
  handle->graph = NULL;
  return graph ? CALL(handle, cuGraphExecDestroy(graph)) : 0;
}}

/* Looks at the sizes, and makes the scratch memory as large as they need. */
static int32_t prepare({entry} *handle, const int64_t *dims) {{
  if (handle->plan->check) TRY(handle->plan->check(dims));
  int64_t bytes = handle->plan->arena(dims);
  if (bytes <= handle->arena_bytes) return 0;
  TRY(forget(handle));
  return reserve(handle, &handle->arena, &handle->arena_bytes, bytes);
}}

static int32_t choose({entry} *handle, int ordinal) {{
  int major = 0, minor = 0;
  char name[64] = "";
  TRY(CALL(handle, cuDeviceGetAttribute(&major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, handle->device)));
  TRY(CALL(handle, cuDeviceGetAttribute(&minor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, handle->device)));
  int here = 10 * major + minor;
  for (size_t k = 0; k < sizeof codes / sizeof *codes; ++k) {{
    int made = codes[k].capability;
    if (codes[k].kind == EXACT ? here == made : here >= made && (codes[k].kind == NEWER || here / 10 == made / 10)) {{
      handle->plan = &plans[codes[k].plan];
      return 0;
    }}
  }}
  TRY(CALL(handle, cuDeviceGetName(name, (int)sizeof name, handle->device)));
  snprintf(handle->error, TEXT, "{name} has code for {has}; device %d, %s, has compute capability %d.%d", ordinal, name,
           major, minor);
  return FAILED;
}}

static int32_t load({entry} *handle) {{
  const Plan *plan = handle->plan;
  TRY(CALL(handle, cuStreamCreate(&handle->stream, CU_STREAM_NON_BLOCKING)));
  if (plan->count) TRY(CALL(handle, cuModuleLoadData(&handle->module, plan->image)));
  for (int k = 0; k < plan->count; ++k) {{
    CUfunction *function = &handle->functions[k];
    TRY(checked(handle->error, cuModuleGetFunction(function, handle->module, plan->kernels[k].name), plan->kernels[k].name));
    if (plan->kernels[k].shared > 48 << 10)
      TRY(CALL(handle, cuFuncSetAttribute(*function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, plan->kernels[k].shared)));
  }}
  if (plan->constant_bytes) {{
    TRY(CALL(handle, cuMemAlloc(&handle->constants, plan->constant_bytes)));
    TRY(CALL(handle, cuMemcpyHtoDAsync(handle->constants, plan->constants, plan->constant_bytes, handle->stream)));
    TRY(CALL(handle, cuStreamSynchronize(handle->stream)));
  }}
  return plan->check ? 0 : prepare(handle, NULL);
}}

static void drop({entry} *handle) {{
  CUcontext context = NULL;
  if (handle->context && cuCtxPushCurrent(handle->context) == CUDA_SUCCESS) {{
    cuCtxSynchronize();
    forget(handle);
    for (int k = 0; k < INPUTS + OUTPUTS; ++k)
      if (handle->arrays[k].at) cuMemFree(handle->arrays[k].at);
    if (handle->arena) cuMemFree(handle->arena);
    if (handle->constants) cuMemFree(handle->constants);
    if (handle->module) cuModuleUnload(handle->module);
    if (handle->stream) cuStreamDestroy(handle->stream);
    cuCtxPopCurrent(&context);
  }}
  if (handle->context) cuDevicePrimaryCtxRelease(handle->device);
  free(handle);
}}

static _Thread_local char unopened[TEXT];

static int32_t opened({entry} *handle, int device) {{
  CUcontext context = NULL;
  TRY(CALL(handle, cuInit(0)));
  TRY(CALL(handle, cuDeviceGet(&handle->device, device)));
  TRY(choose(handle, device));
  TRY(CALL(handle, cuDevicePrimaryCtxRetain(&handle->context, handle->device)));
  TRY(CALL(handle, cuCtxPushCurrent(handle->context)));
  int32_t code = load(handle);
  cuCtxPopCurrent(&context);
  return code;
}}

int32_t {entry}_open({entry} **handle, int device) {{
  {entry} *made = calloc(1, sizeof *made);
  *handle = NULL;
  if (!made) {{
    snprintf(unopened, TEXT, "{name}: no memory on the host");
    return FAILED;
  }}
  int32_t code = opened(made, device);
  if (!code) {{
    *handle = made;
    return 0;
  }}
  snprintf(unopened, TEXT, "%s", made->error);
  drop(made);
  return code;
}}

void {entry}_close({entry} *handle) {{
  if (handle) drop(handle);
}}

const char *{entry}_error(const {entry} *handle) {{ return handle ? handle->error : unopened; }}
"""
_RUN = """
static int32_t enter({entry} *handle) {{ return CALL(handle, cuCtxPushCurrent(handle->context)); }}

static int32_t leave({entry} *handle, int32_t code) {{
  CUcontext context = NULL;
  CUresult result = cuCtxPopCurrent(&context);
  return code ? code : checked(handle->error, result, "cuCtxPopCurrent");
}}

static int32_t aligned({entry} *handle, const CUdeviceptr *arrays, int count, const char *what) {{
  for (int k = 0; k < count; ++k)
    if (arrays[k] % ALIGN) {{
      snprintf(handle->error, TEXT, "{name}: %s[%d] does not begin at a multiple of %d bytes", what, k, ALIGN);
      return FAILED;
    }}
  return 0;
}}

static int32_t run_on({entry} *handle, const CUdeviceptr *inputs, const CUdeviceptr *outputs, const int64_t *dims, CUstream stream) {{
  TRY(aligned(handle, inputs, INPUTS, "inputs"));
  TRY(aligned(handle, outputs, OUTPUTS, "outputs"));
  for (int k = 0; k < OUTPUTS; ++k)
    if (owner[k] >= 0 && outputs[k] != inputs[owner[k]]) {{
      snprintf(handle->error, TEXT, "{name}: outputs[%d] must be the memory of inputs[%d]", k, owner[k]);
      return FAILED;
    }}
  TRY(prepare(handle, dims));
  return handle->plan->run(handle, dims, inputs, outputs, stream);
}}

int32_t {entry}_run({entry} *handle, const CUdeviceptr *inputs, const CUdeviceptr *outputs, const int64_t *dims, CUstream stream) {{
  TRY(enter(handle));
  return leave(handle, run_on(handle, inputs, outputs, dims, stream ? stream : handle->stream));
}}

int32_t {entry}_wait({entry} *handle) {{
  TRY(enter(handle));
  return leave(handle, CALL(handle, cuStreamSynchronize(handle->stream)));
}}

static int32_t run_on_copies({entry} *handle, const void *const *inputs, void *const *outputs, const int64_t *dims) {{
  Block *in = handle->arrays, *out = in + INPUTS;
  CUdeviceptr to[INPUTS + 1], from[OUTPUTS + 1];
  int64_t bytes[INPUTS + OUTPUTS + 1];
  if (handle->plan->check) TRY(handle->plan->check(dims));
  measure(dims, bytes);
  for (int k = 0; k < INPUTS; ++k)
    if (!inputs[k] && !(is_state[k] && in[k].at && in[k].bytes == bytes[k])) {{
      snprintf(handle->error, TEXT, "{name}: inputs[%d] is NULL, and no run has left a value of this size for it", k);
      return FAILED;
    }}
  for (int k = 0; k < INPUTS; ++k) {{
    TRY(reserve(handle, &in[k].at, &in[k].room, bytes[k]));
    in[k].bytes = bytes[k];
    if (inputs[k] && bytes[k]) TRY(CALL(handle, cuMemcpyHtoDAsync(in[k].at, inputs[k], (size_t)bytes[k], handle->stream)));
    to[k] = in[k].at;
  }}
  for (int k = 0; k < OUTPUTS; ++k) {{
    if (owner[k] < 0) TRY(reserve(handle, &out[k].at, &out[k].room, bytes[INPUTS + k]));
    from[k] = owner[k] < 0 ? out[k].at : in[owner[k]].at;
  }}
  TRY(run_on(handle, to, from, dims, handle->stream));
  for (int k = 0; k < OUTPUTS; ++k)
    if (outputs[k] && bytes[INPUTS + k]) TRY(CALL(handle, cuMemcpyDtoHAsync(outputs[k], from[k], (size_t)bytes[INPUTS + k], handle->stream)));
  return CALL(handle, cuStreamSynchronize(handle->stream));
}}

int32_t {entry}_run_host({entry} *handle, const void *const *inputs, void *const *outputs, const int64_t *dims) {{
  TRY(enter(handle));
  return leave(handle, run_on_copies(handle, inputs, outputs, dims));
}}
"""
FUNCTIONS = {"steps": _STEPS, "handle": _HANDLE, "run": _RUN}
RECORDING = """
static int32_t record({entry} *handle, const CUdeviceptr *inputs, const CUdeviceptr *outputs, const int64_t *dims) {{
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
}}

int32_t {entry}_record({entry} *handle, const CUdeviceptr *inputs, const CUdeviceptr *outputs, const int64_t *dims) {{
  TRY(enter(handle));
  return leave(handle, record(handle, inputs, outputs, dims));
}}

int32_t {entry}_replay({entry} *handle, CUstream stream) {{
  if (!handle->graph) {{
    snprintf(handle->error, TEXT, "{name}: nothing is recorded");
    return FAILED;
  }}
  TRY(enter(handle));
  return leave(handle, CALL(handle, cuGraphLaunch(handle->graph, stream ? stream : handle->stream)));
}}
"""
