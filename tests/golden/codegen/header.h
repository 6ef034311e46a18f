/* my_model: made by graphc. Link the .o, .a or .so beside this file, with -lpthread for old C libraries. */
#ifndef MY_MODEL_H
#define MY_MODEL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MY_MODEL_INPUTS 2
#define MY_MODEL_OUTPUTS 1
#define MY_MODEL_DIMS 1
#define MY_MODEL_SIZES 1
#define MY_MODEL_ARENA 4096
#define MY_MODEL_ARENA_ALIGN 64

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
#define MY_MODEL_INPUT0_DTYPE GRAPHC_FLOAT
#define MY_MODEL_INPUT0_ITEM 4
#define MY_MODEL_INPUT0_RANK 2
#define MY_MODEL_INPUT1_DTYPE GRAPHC_BOOL
#define MY_MODEL_INPUT1_ITEM 1
#define MY_MODEL_INPUT1_RANK 1
#define MY_MODEL_INPUT1_ELEMENTS 3
#define MY_MODEL_INPUT1_BYTES 3
#define MY_MODEL_OUTPUT0_DTYPE GRAPHC_BFLOAT16
#define MY_MODEL_OUTPUT0_ITEM 2
#define MY_MODEL_OUTPUT0_RANK 1

/* What is written over what, {output, input}: the initialiser of an array int[][2]. */
#define MY_MODEL_DONATED {{0, 0}}

/* Runs the program. Any number of threads may call it at a time, each with outputs and an arena of its own.
 *
 *   inputs[0]   x     float [n][28]
 *   inputs[1]   mask  bool [3]
 *   outputs[0]  y     uint16_t (bfloat16) [n*2]
 *   dims[0]     n     size of axis 0 of inputs[0]
 *   outputs[0] must be the same memory as inputs[0]; it is written over.
 *   arena       scratch memory, aligned to 64 bytes
 *
 * Arrays are row-major and dense. Inputs and outputs need only the alignment of their elements, but
 * 64 bytes from the start of each must be readable, also where it is smaller. Only donated inputs are
 * written.
 *
 * Returns 0; or, if it refuses the sizes in dims, one of these, with nothing computed:
 *   1  with these sizes a value would have more than 64 TiB
 */
int32_t my_model(const void *const *inputs, void *const *outputs,
                 const int64_t *dims, void *arena);

/* Bytes of scratch memory that a call with these dims needs. */
int64_t my_model_arena(const int64_t *dims);

/* Writes MY_MODEL_SIZES numbers: the sizes of all axes of all outputs, one output after the other. */
void my_model_shapes(const int64_t *dims, int64_t *sizes);

/* Whether this processor has every instruction that these files may use: 1 or 0. Where it answers 0, no other
 * function of them may be called: an illegal instruction would end the program. */
int32_t my_model_supported(void);

/* Uses up to this many threads from now on, the calling one included; without it, one per processor
 * online. The result has the same bits with any number. Threads start with the first call that has
 * enough work, and belong to all graphc programs in this executable or library. Keep it loaded. */
void my_model_threads(int32_t threads);

/* To be called in a child made by fork() before the programs of this file are used there. */
void my_model_after_fork(void);

#ifdef __cplusplus
}
#endif

#endif /* MY_MODEL_H */
