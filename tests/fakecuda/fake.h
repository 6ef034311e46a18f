// A CUDA driver whose device is the host: what its parts share.
//
// Work put on a stream waits there until somebody must have it done (a synchronisation, a copy to ordinary host memory): the
// laziest order that CUDA allows, so that a program that forgot to wait reads what is not there yet. With the setting `eager`
// all streams but the first do their work at once instead, as far as they wait for nothing.
#pragma once
#include <cuda.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
  long devices, driver, capability, memory, init;  // what the machine has; `init` is what cuInit answers
  long allocations_left;                           // device allocations that still succeed, -1: all
  long fault_after, fault_code;                    // launches that still succeed, -1: all; what the next one ends with
  long eager;
  long strict;  // after a fault even pushing, popping and releasing a context fail
} Settings;

typedef struct {
  long launches, replays, allocations, live, pinned, pushes, host_copies;
} Counts;

extern Settings fake_settings;
extern Counts fake_counts;
extern CUresult fake_lost;  // what every call answers since a kernel faulted

typedef struct Function Function;
typedef struct Graph Graph;

void fake_lock(void);
void fake_unlock(void);
CUresult fake_ready(void);  // is there a context, and does it work?

int fake_is_device(CUdeviceptr start, size_t bytes);  // do the bytes lie in one live allocation?
int fake_is_pinned(const void *start, size_t bytes);

CUresult fake_run(Function *f, unsigned grid, unsigned threads, unsigned shared, const void *arguments, size_t bytes);

CUresult fake_outside_capture(void);  // what no capture of this thread allows: ends it, and answers so
void fake_finish_all(void);           // all work of all streams

typedef enum { COPY, FILL, LAUNCH, RECORD, WAIT } Kind;

typedef struct Work {
  Kind kind;
  void *to, *from;
  size_t bytes;
  int value;
  Function *function;
  unsigned grid, threads, shared;
  unsigned char *arguments;
  struct CUevent_st *event;
  long ticket;
  int owns_source;
  struct Work *next;
} Work;

CUresult fake_enqueue(CUstream stream, Work work);

// A call of the driver that needs a context: answers early, and holds the lock until it returns.
#define BEGIN                                   \
  fake_lock();                                  \
  CUresult result_ = fake_ready();              \
  if (result_ != CUDA_SUCCESS) {                \
    fake_unlock();                              \
    return result_;                             \
  }
#define RETURN(value)          \
  do {                         \
    CUresult value_ = (value); \
    fake_unlock();             \
    return value_;             \
  } while (0)
