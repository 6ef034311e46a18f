/* Trains the network of train.py in C: the same batches in the same order, and so the same losses to the last bit.
 *
 * "train EPOCHS" reads digits.bin and state.bin, which the text of train.py describes, and writes trained.bin, which is
 * like state.bin: under that name, the next run goes on with it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "predict.h"
#include "step.h"

enum { BATCH = 64, PIXELS = 64, ALIGN = 64 };
enum { HIDDEN_KERNEL = 2, HIDDEN_BIAS, OUTPUT_KERNEL, OUTPUT_BIAS }; /* inputs of the step that predict takes as well */

#if STEP_INPUTS != 16 || PREDICT_INPUT1_BYTES != STEP_INPUT2_BYTES || PREDICT_INPUT2_BYTES != STEP_INPUT3_BYTES || \
    PREDICT_INPUT3_BYTES != STEP_INPUT4_BYTES || PREDICT_INPUT4_BYTES != STEP_INPUT5_BYTES
#error "step.h and predict.h are of another network than that of train.py"
#endif

/* Bytes of each input of the step that is state, which are all but the first two. */
static const size_t state_bytes[STEP_INPUTS] = {
    0, 0, STEP_INPUT2_BYTES, STEP_INPUT3_BYTES, STEP_INPUT4_BYTES, STEP_INPUT5_BYTES, STEP_INPUT6_BYTES, STEP_INPUT7_BYTES,
    STEP_INPUT8_BYTES, STEP_INPUT9_BYTES, STEP_INPUT10_BYTES, STEP_INPUT11_BYTES, STEP_INPUT12_BYTES, STEP_INPUT13_BYTES,
    STEP_INPUT14_BYTES, STEP_INPUT15_BYTES};
static const int written_over[][2] = STEP_DONATED;

static int64_t count, held_out; /* images to train on; after them come those that are held out */
static const float *pixels;     /* [count + held_out][PIXELS] */
static const int64_t *digit;    /* [count + held_out] */
static int64_t *order;          /* [count]: of the images in this epoch */
static char *state;             /* what state.bin has in it, one array after the other */
static size_t state_size;
static int64_t *guess;          /* [held_out]: what the network sees in them */
static void *arena;

static float batch_pixels[BATCH * PIXELS], loss[ALIGN / sizeof(float)]; /* a single loss, in 64 readable bytes */
static int64_t batch_digit[BATCH];
static const void *inputs[STEP_INPUTS] = {batch_pixels, batch_digit};
static void *outputs[STEP_OUTPUTS] = {loss};

static void expect(int holds, const char *otherwise) {
  if (holds) return;
  fprintf(stderr, "train: %s\n", otherwise);
  exit(1);
}

static size_t padded(size_t bytes) { return (bytes + ALIGN - 1) / ALIGN * ALIGN; }

/* Memory at a multiple of 64 bytes, of at least 64; it is kept to the end of the program. */
static void *block(size_t bytes) {
  char *memory = malloc(bytes + 2 * ALIGN);
  expect(memory != NULL, "no memory");
  return memory + (ALIGN - (uintptr_t)memory % ALIGN);
}

static char *content(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  expect(file && !fseek(file, 0, SEEK_END), path);
  const long end = ftell(file);
  expect(end >= ALIGN, path);
  char *data = block(*size = (size_t)end);
  rewind(file);
  expect(fread(data, 1, *size, file) == *size, path);
  fclose(file);
  return data;
}

static void read_digits(void) {
  size_t size;
  const char *data = content("digits.bin", &size);
  memcpy(&count, data, sizeof count);
  memcpy(&held_out, data + sizeof count, sizeof held_out);
  expect(count > 0 && held_out > 0 && count < 1 << 20 && held_out < 1 << 20, "digits.bin is no such file");
  const size_t images = (size_t)(count + held_out), pixels_bytes = padded(images * PIXELS * sizeof *pixels);
  expect(size == ALIGN + pixels_bytes + padded(images * sizeof *digit), "digits.bin is cut off");
  pixels = (const void *)(data + ALIGN);
  digit = (const void *)(data + ALIGN + pixels_bytes);
  guess = block((size_t)held_out * sizeof *guess);
  order = block((size_t)count * sizeof *order);
  for (int64_t k = 0; k < count; ++k) order[k] = k;
}

/* The state is used where it was read: inputs and outputs of the step point into it. */
static void read_state(void) {
  size_t at = 0;
  state = content("state.bin", &state_size);
  for (int k = 2; k < STEP_INPUTS; at += padded(state_bytes[k++])) inputs[k] = state + at;
  expect(at == state_size, "state.bin is of another network");
  for (size_t k = 0; k < sizeof written_over / sizeof *written_over; ++k)
    outputs[written_over[k][0]] = (void *)inputs[written_over[k][1]];
}

/* Makes an arena for all calls: what they need together is enough for each of them. */
static void make_arena(void) {
  const int64_t batch = BATCH, rest = count % BATCH;
  arena = block((size_t)(step_arena(&batch) + step_arena(&rest) + predict_arena(&held_out)));
}

/* The same orders as in train.py. */
static void shuffle(void) {
  static uint64_t number = 1;
  for (int64_t k = count - 1; k > 0; --k) {
    number = number * 6364136223846793005u + 1442695040888963407u;
    const int64_t other = (int64_t)((number >> 33) % (uint64_t)(k + 1)), moved = order[k];
    order[k] = order[other];
    order[other] = moved;
  }
}

/* Shows every image once, in batches; the last one is what is left. Answers with the mean loss. */
static double epoch(void) {
  double total = 0;
  for (int64_t begin = 0, rows; begin < count; begin += rows) {
    rows = count - begin < BATCH ? count - begin : BATCH;
    for (int64_t k = 0; k < rows; ++k) {
      memcpy(batch_pixels + k * PIXELS, pixels + order[begin + k] * PIXELS, PIXELS * sizeof *pixels);
      batch_digit[k] = digit[order[begin + k]];
    }
    expect(step(inputs, outputs, &rows, arena) == 0, "the step refuses a batch");
    total += (double)loss[0] * (double)rows;
  }
  return total / (double)count;
}

static int correct(void) {
  const void *seen[PREDICT_INPUTS] = {pixels + count * PIXELS, inputs[HIDDEN_KERNEL], inputs[HIDDEN_BIAS],
                                      inputs[OUTPUT_KERNEL], inputs[OUTPUT_BIAS]};
  void *answers[PREDICT_OUTPUTS] = {guess};
  int right = 0;
  expect(predict(seen, answers, &held_out, arena) == 0, "predict refuses the images");
  for (int64_t k = 0; k < held_out; ++k) right += guess[k] == digit[count + k];
  return right;
}

int main(int argc, char **argv) {
  const int epochs = argc > 1 ? atoi(argv[1]) : 10;
  read_digits();
  read_state();
  make_arena();
  for (int k = 1; k <= epochs; ++k) {
    shuffle();
    const double mean = epoch();
    printf("epoch %2d   loss %.4f = %.13a\n", k, mean, mean);
  }
  printf("%d of %d held-out images right\n", correct(), (int)held_out);
  FILE *file = fopen("trained.bin", "wb");
  expect(file && fwrite(state, 1, state_size, file) == state_size && !fclose(file), "trained.bin cannot be written");
  return 0;
}
