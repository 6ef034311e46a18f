/* digits_cuda: made by graphc. It runs on CUDA devices: sm_80, sm_90a.
 * Compile digits_cuda.c, with a CUDA toolkit's cuda.h, and link it with digits_cuda_data.o and -lcuda. */
#ifndef DIGITS_CUDA_H
#define DIGITS_CUDA_H

#include <cuda.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DIGITS_CUDA_INPUTS 1
#define DIGITS_CUDA_OUTPUTS 1
#define DIGITS_CUDA_DIMS 1
#define DIGITS_CUDA_SIZES 2
#define DIGITS_CUDA_ALIGN 64 /* bytes, of arrays on a device */
#define DIGITS_CUDA_FAILED (-1) /* what a function answers where CUDA refuses something: see digits_cuda_error */

/* Types of elements; the numbers are those of ONNX. */
#ifndef GRAPHC_FLOAT
#define GRAPHC_FLOAT 1
#define GRAPHC_UINT8 2
#define GRAPHC_INT8 3
#define GRAPHC_UINT16 4
#define GRAPHC_INT16 5
#define GRAPHC_INT32 6
#define GRAPHC_INT64 7
#define GRAPHC_BOOL 9
#define GRAPHC_FLOAT16 10
#define GRAPHC_DOUBLE 11
#define GRAPHC_UINT32 12
#define GRAPHC_UINT64 13
#define GRAPHC_COMPLEX64 14
#define GRAPHC_COMPLEX128 15
#define GRAPHC_STRING 8
#define GRAPHC_BFLOAT16 16
#define GRAPHC_FLOAT8E4M3FN 17
#define GRAPHC_FLOAT8E5M2 19
#endif

/* Each array: type of its elements, bytes of one, number of axes; all elements and bytes if its sizes are fixed. */
#define DIGITS_CUDA_INPUT0_DTYPE GRAPHC_FLOAT
#define DIGITS_CUDA_INPUT0_ITEM 4
#define DIGITS_CUDA_INPUT0_RANK 2
#define DIGITS_CUDA_OUTPUT0_DTYPE GRAPHC_FLOAT
#define DIGITS_CUDA_OUTPUT0_ITEM 4
#define DIGITS_CUDA_OUTPUT0_RANK 2

/* A model on a device: its code, its constants, its scratch memory. One thread uses it at a time; what it is
 * asked for on several streams must not overlap, as there is one scratch memory. */
typedef struct digits_cuda digits_cuda;

/* Loads the model on a device, counted from 0 as CUDA_VISIBLE_DEVICES leaves them. Returns 0, or where it
 * fails DIGITS_CUDA_FAILED, with *handle NULL. */
int32_t digits_cuda_open(digits_cuda **handle, int device);

/* Frees all of it, once the device has done what it was asked for. NULL is allowed. */
void digits_cuda_close(digits_cuda *handle);

/* What went wrong last; of opening, in this thread, for NULL. */
const char *digits_cuda_error(const digits_cuda *handle);

/* Writes DIGITS_CUDA_SIZES numbers: the sizes of all axes of all outputs, one output after the other. */
void digits_cuda_shapes(const int64_t *dims, int64_t *sizes);

/* Runs the model on arrays of the host, and waits until it is done.
 *
 *   inputs[0]   pixels         float [pixels_0_0][64]
 *   outputs[0]  probabilities  float [pixels_0_0][10]
 *   dims[0]     pixels_0_0     size of axis 0 of inputs[0]
 * Arrays are row-major and dense. outputs[k] may be NULL: it stays on the device.
 *
 * Returns 0; or, if it refuses the sizes in dims, one of these, with nothing computed:
 *   1  with these sizes a value would have more than 64 TiB
 */
int32_t digits_cuda_run_host(digits_cuda *handle, const void *const *inputs, void *const *outputs, const int64_t *dims);

/* The same with arrays on the device, which begin at multiples of DIGITS_CUDA_ALIGN bytes as cuMemAlloc's do: the run is put on
 * a stream and goes on after this returns; NULL is a stream of the handle, see digits_cuda_wait.
 * Answers what digits_cuda_run_host does. */
int32_t digits_cuda_run(digits_cuda *handle, const CUdeviceptr *inputs, const CUdeviceptr *outputs, const int64_t *dims,
                        CUstream stream);

/* Waits for what digits_cuda_run and digits_cuda_replay were given without a stream. Returns 0 or DIGITS_CUDA_FAILED. */
int32_t digits_cuda_wait(digits_cuda *handle);

/* Records a run with these arrays as a CUDA graph, without doing it; digits_cuda_replay does it, in one call, as often
 * as it is asked to. The arrays must stay where they are. A later recording, or a run with sizes that need more
 * scratch memory, ends its life. They answer as a run does. */
int32_t digits_cuda_record(digits_cuda *handle, const CUdeviceptr *inputs, const CUdeviceptr *outputs, const int64_t *dims);
int32_t digits_cuda_replay(digits_cuda *handle, CUstream stream);

#ifdef __cplusplus
}
#endif

#endif /* DIGITS_CUDA_H */
