/* An example for m_cuda.h; its first argument is the number of the device:
 *   cc -std=c11 m_cuda.c m_cuda_main.c m_cuda_data.o -lcuda        with -I and -L for the folders of cuda.h and libcuda.so
 * It is made anew whenever the model is compiled: copy it before you change it. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "m_cuda.h"

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
  int64_t dims[M_CUDA_DIMS];  /* n */
  for (int k = 0; k < M_CUDA_DIMS; ++k) dims[k] = argc > k + 2 ? atoll(argv[k + 2]) : 1;
  int64_t sizes[M_CUDA_SIZES];
  m_cuda_shapes(dims, sizes);
  int64_t input0_elements = dims[0] * 8;
  int64_t output0_elements = sizes[0] * sizes[1];

  void *input0 = block(input0_elements * M_CUDA_INPUT0_ITEM);  /* x */
  fill_f32(input0, input0_elements);
  void *input1 = block(M_CUDA_INPUT1_ELEMENTS * M_CUDA_INPUT1_ITEM);  /* w: written over by outputs[1] */
  void *output0 = block(output0_elements * M_CUDA_OUTPUT0_ITEM);  /* y */
  void *output1 = input1;  /* w */
  const void *inputs[] = {input0, input1};
  void *outputs[] = {output0, output1};

  m_cuda *handle;
  if (m_cuda_open(&handle, argc > 1 ? atoi(argv[1]) : 0)) {
    fprintf(stderr, "%s\n", m_cuda_error(NULL));
    return 1;
  }
  static const int state[][2] = M_CUDA_DONATED;

  for (int turn = 0; turn < 3; ++turn) {
    int32_t code = m_cuda_run_host(handle, inputs, outputs, dims);
    if (code) {
      fprintf(stderr, "m_cuda answered %ld, see %s: %s\n", (long)code, "m_cuda.h", m_cuda_error(handle));
      return 1;
    }
    for (int k = 0; k < 1; ++k) inputs[state[k][1]] = NULL;  /* from here on that on the device goes on */
  }
  m_cuda_close(handle);
  show_f32("y", output0, output0_elements);
  show_f32("w", output1, M_CUDA_OUTPUT1_ELEMENTS);

  free(input0);
  free(input1);
  free(output0);
  return 0;
}
