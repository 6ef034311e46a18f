/* my_model: made by graphc. */
#ifndef MY_MODEL_H
#define MY_MODEL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* dims: the sizes left open at compile time.
 *   dims[0]  n
 */

/* inputs:
 *   inputs[0]  x: float [n][28]
 *   inputs[1]  mask: bool [3]
 * outputs:
 *   outputs[0]  y: uint16_t (bfloat16) [n*2]
 *   outputs[0] must be the same memory as inputs[0]
 * Arrays are row-major, dense, aligned to their elements, and 64 bytes from each start are readable.
 * constants: aligned to 64 bytes.
 * arena: scratch memory, aligned to 64 bytes, not shared by concurrent calls.
 * Returns 0. */
int32_t my_model(const void *const *inputs, void *const *outputs, const int64_t *dims,
                 const void *constants, void *arena);

#define MY_MODEL_ARENA 4096

/* Bytes of scratch memory for these dims. */
int64_t my_model_arena(const int64_t *dims);

/* Writes the dimensions of all outputs, one output after the other. */
void my_model_shapes(const int64_t *dims, int64_t *shapes);

#ifdef __cplusplus
}
#endif

#endif /* MY_MODEL_H */
