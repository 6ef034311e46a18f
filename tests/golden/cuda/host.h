/* m_cuda: made by graphc. It runs on CUDA devices: sm_80, sm_90a, and by PTX those newer than sm_80.
 * Compile m_cuda.c, with a CUDA toolkit's cuda.h, and link it with m_cuda_data.o and -lcuda. */
#ifndef M_CUDA_H
#define M_CUDA_H

#include <cuda.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define M_CUDA_INPUTS 2
#define M_CUDA_OUTPUTS 2
#define M_CUDA_DIMS 1
#define M_CUDA_SIZES 3
#define M_CUDA_ALIGN 64 /* bytes, of arrays on a device */
#define M_CUDA_FAILED (-1) /* what a function answers where CUDA refuses something: see m_cuda_error */

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
#define M_CUDA_INPUT0_DTYPE GRAPHC_FLOAT
#define M_CUDA_INPUT0_ITEM 4
#define M_CUDA_INPUT0_RANK 2
#define M_CUDA_INPUT1_DTYPE GRAPHC_FLOAT
#define M_CUDA_INPUT1_ITEM 4
#define M_CUDA_INPUT1_RANK 1
#define M_CUDA_INPUT1_ELEMENTS 8
#define M_CUDA_INPUT1_BYTES 32
#define M_CUDA_OUTPUT0_DTYPE GRAPHC_FLOAT
#define M_CUDA_OUTPUT0_ITEM 4
#define M_CUDA_OUTPUT0_RANK 2
#define M_CUDA_OUTPUT1_DTYPE GRAPHC_FLOAT
#define M_CUDA_OUTPUT1_ITEM 4
#define M_CUDA_OUTPUT1_RANK 1
#define M_CUDA_OUTPUT1_ELEMENTS 8
#define M_CUDA_OUTPUT1_BYTES 32

/* What is written over what, {output, input}: the initialiser of an array int[][2]. */
#define M_CUDA_DONATED {{1, 1}}

/* A model on a device: its code, its constants, its scratch memory. One thread uses it at a time; what it is
 * asked for on several streams must not overlap, as there is one scratch memory. */
typedef struct m_cuda m_cuda;

/* Loads the model on a device, counted from 0 as CUDA_VISIBLE_DEVICES leaves them. Returns 0, or where it
 * fails M_CUDA_FAILED, with *handle NULL. */
int32_t m_cuda_open(m_cuda **handle, int device);

/* Frees all of it, once the device has done what it was asked for. NULL is allowed. */
void m_cuda_close(m_cuda *handle);

/* What went wrong last; of opening, in this thread, for NULL. */
const char *m_cuda_error(const m_cuda *handle);

/* Writes M_CUDA_SIZES numbers: the sizes of all axes of all outputs, one output after the other. */
void m_cuda_shapes(const int64_t *dims, int64_t *sizes);

/* Runs the model on arrays of the host, and waits until it is done.
 *
 *   inputs[0]   x  float [n][8]
 *   inputs[1]   w  float [8]
 *   outputs[0]  y  float [n][8]
 *   outputs[1]  w  float [8]
 *   dims[0]     n  size of axis 0 of inputs[0]
 * Arrays are row-major and dense. outputs[k] may be NULL: it stays on the device.
 * State lives on the device: an input that an output is written over is brought there once, and may be NULL from the
 * second run on, which then goes on with what the one before left (M_CUDA_DONATED: outputs[1] is inputs[1]).
 *
 * Returns 0; or, if it refuses the sizes in dims, one of these, with nothing computed:
 *   1  rows come in pairs
 *   2  with these sizes a value would have more than 64 TiB
 * Or, if values are not as they must be, one of these, with no donated input changed
 * and outputs that mean nothing:
 *   3  x is negative
 */
int32_t m_cuda_run_host(m_cuda *handle, const void *const *inputs, void *const *outputs, const int64_t *dims);

/* The same with arrays on the device, which begin at multiples of M_CUDA_ALIGN bytes as cuMemAlloc's do: the run is put on
 * a stream and goes on after this returns; NULL is a stream of the handle, see m_cuda_wait.
 * An output must be the same memory as the input that it is written over.
 * Where values decide what is done next, it waits for them, so that this cannot be captured.
 * Answers what m_cuda_run_host does. */
int32_t m_cuda_run(m_cuda *handle, const CUdeviceptr *inputs, const CUdeviceptr *outputs, const int64_t *dims,
                   CUstream stream);

/* Waits for what m_cuda_run and m_cuda_replay were given without a stream. Returns 0 or M_CUDA_FAILED. */
int32_t m_cuda_wait(m_cuda *handle);

#ifdef __cplusplus
}
#endif

#endif /* M_CUDA_H */
