/* An example for digits_cuda.h; its first argument is the number of the device:
 *   cc -std=c11 digits_cuda.c digits_cuda_main.c digits_cuda_data.o -lcuda        with -I and -L for the folders of cuda.h and libcuda.so
 * It is made anew whenever the model is compiled: copy it before you change it. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digits_cuda.h"

static void *block(int64_t bytes) {
  void *memory = calloc(1, (size_t)bytes + 1);
  if (!memory) {
    fprintf(stderr, "no memory for %lld bytes\n", (long long)bytes);
    exit(1);
  }
  return memory;
}

/* 0, 0.1, 0.2, ..., 0.9, 0, ...: put your own numbers here. */
static void fill_f32(float *data, int64_t count) {
  for (int64_t k = 0; k < count; ++k) data[k] = (float)(k % 10) * (float)0.1;
}

static void show_f32(const char *name, const void *data, int64_t count) {
  printf("%s:", name);
  for (int64_t k = 0; k < count && k < 8; ++k) printf(" %.9g", (double)((const float *)data)[k]);
  printf(count > 8 ? " ...\n" : "\n");
}

int main(int argc, char **argv) {
  int64_t dims[DIGITS_CUDA_DIMS];  /* pixels_0_0 */
  for (int k = 0; k < DIGITS_CUDA_DIMS; ++k) dims[k] = argc > k + 2 ? atoll(argv[k + 2]) : 1;
  int64_t sizes[DIGITS_CUDA_SIZES];
  digits_cuda_shapes(dims, sizes);
  int64_t input0_elements = dims[0] * 64;
  int64_t output0_elements = sizes[0] * sizes[1];

  void *input0 = block(input0_elements * DIGITS_CUDA_INPUT0_ITEM);  /* pixels */
  fill_f32(input0, input0_elements);
  void *output0 = block(output0_elements * DIGITS_CUDA_OUTPUT0_ITEM);  /* probabilities */
  const void *inputs[] = {input0};
  void *outputs[] = {output0};

  digits_cuda *handle;
  if (digits_cuda_open(&handle, argc > 1 ? atoi(argv[1]) : 0)) {
    fprintf(stderr, "%s\n", digits_cuda_error(NULL));
    return 1;
  }
  int32_t code = digits_cuda_run_host(handle, inputs, outputs, dims);
  if (code) {
    fprintf(stderr, "digits_cuda answered %ld, see %s: %s\n", (long)code, "digits_cuda.h", digits_cuda_error(handle));
    return 1;
  }
  digits_cuda_close(handle);
  show_f32("probabilities", output0, output0_elements);

  free(input0);
  free(output0);
  return 0;
}
