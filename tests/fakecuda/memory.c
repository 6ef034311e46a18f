// Memory of the device (which is host memory, checked at every use) and page-locked memory.
#include "fake.h"
#include <stdlib.h>
#include <string.h>

typedef struct Block {
  char *start;
  size_t bytes;
  struct Block *next;
} Block;

static Block *device_blocks, *pinned_blocks;
enum { ALIGNMENT = 512, POISON = 0xff };

static CUresult take(Block **list, void **start, size_t bytes) {
  Block *block = malloc(sizeof *block);
  size_t rounded = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  *block = (Block){aligned_alloc(ALIGNMENT, rounded), bytes, *list};
  memset(block->start, POISON, rounded);
  *list = block;
  *start = block->start;
  return CUDA_SUCCESS;
}

static size_t give(Block **list, void *start) {
  for (Block **at = list; *at; at = &(*at)->next)
    if ((*at)->start == start) {
      Block *block = *at;
      size_t bytes = block->bytes;
      *at = block->next;
      memset(block->start, POISON, bytes);
      free(block->start);
      free(block);
      return bytes;
    }
  return 0;
}

static int holds(const Block *list, const char *start, size_t bytes) {
  for (; list; list = list->next)
    if (start >= list->start && start + bytes <= list->start + list->bytes) return 1;
  return 0;
}

int fake_is_device(CUdeviceptr start, size_t bytes) { return holds(device_blocks, (char *)start, bytes); }
int fake_is_pinned(const void *start, size_t bytes) { return holds(pinned_blocks, start, bytes); }

CUresult cuMemGetInfo(size_t *available, size_t *total) {
  BEGIN;
  *total = fake_settings.memory;
  *available = fake_settings.memory - fake_counts.live;
  RETURN(CUDA_SUCCESS);
}

CUresult cuMemAlloc(CUdeviceptr *address, size_t bytes) {
  BEGIN;
  CUresult forbidden = fake_outside_capture();
  if (forbidden) RETURN(forbidden);
  if (!bytes) RETURN(CUDA_ERROR_INVALID_VALUE);
  if (!fake_settings.allocations_left || bytes > (size_t)(fake_settings.memory - fake_counts.live)) RETURN(CUDA_ERROR_OUT_OF_MEMORY);
  if (fake_settings.allocations_left > 0) fake_settings.allocations_left--;
  fake_counts.allocations++;
  fake_counts.live += (long)bytes;
  RETURN(take(&device_blocks, (void **)address, bytes));
}

CUresult cuMemFree(CUdeviceptr address) {
  BEGIN;
  CUresult forbidden = fake_outside_capture();
  if (forbidden) RETURN(forbidden);
  fake_finish_all();  // as the driver does
  size_t bytes = give(&device_blocks, (void *)address);
  fake_counts.live -= (long)bytes;
  RETURN(bytes ? fake_lost : CUDA_ERROR_INVALID_VALUE);
}

CUresult cuMemHostAlloc(void **start, size_t bytes, unsigned flags) {
  BEGIN;
  (void)flags;
  fake_counts.pinned += (long)bytes;
  RETURN(take(&pinned_blocks, start, bytes));
}

CUresult cuMemFreeHost(void *start) {
  BEGIN;
  fake_finish_all();
  size_t bytes = give(&pinned_blocks, start);
  fake_counts.pinned -= (long)bytes;
  RETURN(bytes ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE);
}

// Copies. To and from ordinary host memory they are done, or the source is taken, when the call returns, as the driver's are.
CUresult cuMemcpyHtoDAsync(CUdeviceptr to, const void *from, size_t bytes, CUstream stream) {
  BEGIN;
  if (!fake_is_device(to, bytes)) RETURN(CUDA_ERROR_INVALID_VALUE);
  Work work = {.kind = COPY, .to = (void *)to, .from = (void *)from, .bytes = bytes};
  if (!fake_is_pinned(from, bytes)) {
    fake_counts.host_copies++;
    work.from = memcpy(malloc(bytes + 1), from, bytes);
    work.owns_source = 1;
  }
  RETURN(fake_enqueue(stream, work));
}

CUresult cuMemcpyDtoHAsync(void *to, CUdeviceptr from, size_t bytes, CUstream stream) {
  BEGIN;
  if (!fake_is_device(from, bytes)) RETURN(CUDA_ERROR_INVALID_VALUE);
  CUresult result = fake_enqueue(stream, (Work){.kind = COPY, .to = to, .from = (void *)from, .bytes = bytes});
  if (result == CUDA_SUCCESS && !fake_is_pinned(to, bytes)) {
    fake_counts.host_copies++;
    result = cuStreamSynchronize(stream);
  }
  RETURN(result);
}

CUresult cuMemcpyDtoDAsync(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream) {
  BEGIN;
  if (!fake_is_device(to, bytes) || !fake_is_device(from, bytes)) RETURN(CUDA_ERROR_INVALID_VALUE);
  RETURN(fake_enqueue(stream, (Work){.kind = COPY, .to = (void *)to, .from = (void *)from, .bytes = bytes}));
}

CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char value, size_t bytes, CUstream stream) {
  BEGIN;
  if (!fake_is_device(to, bytes)) RETURN(CUDA_ERROR_INVALID_VALUE);
  RETURN(fake_enqueue(stream, (Work){.kind = FILL, .to = (void *)to, .value = value, .bytes = bytes}));
}

CUresult cuMemsetD32Async(CUdeviceptr to, unsigned value, size_t count, CUstream stream) {
  BEGIN;
  if (to % 4 || !fake_is_device(to, 4 * count)) RETURN(CUDA_ERROR_INVALID_VALUE);
  for (size_t k = 0; k < count; k++) {  // bytes one by one: FILL knows no words
    for (int byte = 0; byte < 4; byte++) {
      CUresult result = fake_enqueue(stream, (Work){.kind = FILL, .to = (char *)to + 4 * k + byte, .value = value >> 8 * byte & 255, .bytes = 1});
      if (result) RETURN(result);
    }
  }
  RETURN(CUDA_SUCCESS);
}
