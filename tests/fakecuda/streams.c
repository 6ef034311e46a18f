// Streams, events and graphs: work that waits until it must be done.
#include "fake.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct {
  Work *first, **last;
} List;

struct CUgraph_st { List works; };
struct CUgraphExec_st { List works; };
struct CUevent_st {
  CUstream stream;  // where it was recorded
  long ticket, done;  // of the records asked for, of those reached
  double time;
};
struct CUstream_st {
  List works;
  CUgraph graph;  // being captured
  int invalid;    // something forbidden was done meanwhile
  struct CUstream_st *next;
};

static CUstream streams;
static __thread CUstream captured;  // by this thread

static void add(List *list, Work work) {
  Work *copy = malloc(sizeof *copy);
  *copy = work;
  copy->next = NULL;
  if (!list->first) list->last = &list->first;
  *list->last = copy;
  list->last = &copy->next;
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static void finish(CUstream stream, CUevent until, long ticket);

static void perform(const Work *work) {
  switch (work->kind) {
    case COPY: memmove(work->to, work->from, work->bytes); break;
    case FILL: memset(work->to, work->value, work->bytes); break;
    case LAUNCH:
      fake_lost = fake_run(work->function, work->grid, work->threads, work->shared, work->arguments, work->bytes);
      break;
    case RECORD: work->event->done = work->ticket, work->event->time = now(); break;
    case WAIT: finish(work->event->stream, work->event, work->ticket); break;
  }
}

static void step(CUstream stream) {
  Work *work = stream->works.first;
  stream->works.first = work->next;
  if (!fake_lost || work->kind == RECORD) perform(work);
  if (work->owns_source) free(work->from);
  free(work->arguments);
  free(work);
}

// Do the stream's work: all of it, or until the event's record of that ticket was reached.
static void finish(CUstream stream, CUevent until, long ticket) {
  while (stream->works.first && !(until && until->done >= ticket)) step(stream);
}

void fake_finish_all(void) {
  for (CUstream stream = streams; stream; stream = stream->next) finish(stream, NULL, 0);
}

CUresult fake_outside_capture(void) {
  if (!captured) return CUDA_SUCCESS;
  captured->invalid = 1;
  return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
}

static void hurry(CUstream stream) {  // what waits for nothing that is not done
  while (stream->works.first && (stream->works.first->kind != WAIT || stream->works.first->event->done >= stream->works.first->ticket))
    step(stream);
}

CUresult fake_enqueue(CUstream stream, Work work) {
  if (!stream) return CUDA_ERROR_INVALID_HANDLE;  // graphc has streams of its own
  if (stream->graph && stream->invalid) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
  add(stream->graph ? &stream->graph->works : &stream->works, work);
  if (fake_settings.eager && stream->next) hurry(stream);  // the first stream is the last of the list
  return CUDA_SUCCESS;
}

CUresult cuStreamCreate(CUstream *stream, unsigned flags) {
  BEGIN;
  (void)flags;
  *stream = calloc(1, sizeof **stream);
  (*stream)->next = streams;
  streams = *stream;
  RETURN(CUDA_SUCCESS);
}

CUresult cuStreamDestroy(CUstream stream) {
  BEGIN;
  finish(stream, NULL, 0);
  for (CUstream *at = &streams; *at; at = &(*at)->next)
    if (*at == stream) {
      *at = stream->next;
      free(stream);
      RETURN(CUDA_SUCCESS);
    }
  RETURN(CUDA_ERROR_INVALID_HANDLE);
}

CUresult cuStreamSynchronize(CUstream stream) {
  BEGIN;
  CUresult forbidden = stream && stream->graph ? fake_outside_capture() : CUDA_SUCCESS;
  if (forbidden) RETURN(forbidden);
  if (!stream) RETURN(CUDA_ERROR_INVALID_HANDLE);
  finish(stream, NULL, 0);
  RETURN(fake_lost);
}

CUresult cuStreamQuery(CUstream stream) {
  BEGIN;
  RETURN(stream->works.first ? CUDA_ERROR_NOT_READY : CUDA_SUCCESS);
}

CUresult cuStreamWaitEvent(CUstream stream, CUevent event, unsigned flags) {
  BEGIN;
  if (flags || stream->graph) RETURN(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
  if (!event->ticket) RETURN(CUDA_SUCCESS);
  RETURN(fake_enqueue(stream, (Work){.kind = WAIT, .event = event, .ticket = event->ticket}));
}

CUresult cuEventCreate(CUevent *event, unsigned flags) {
  BEGIN;
  (void)flags;
  *event = calloc(1, sizeof **event);
  RETURN(CUDA_SUCCESS);
}

CUresult cuEventDestroy(CUevent event) {
  BEGIN;
  (void)event;  // work that waits may still look at it: it is kept
  RETURN(CUDA_SUCCESS);
}

CUresult cuEventRecord(CUevent event, CUstream stream) {
  BEGIN;
  if (stream->graph) RETURN(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
  event->stream = stream;
  RETURN(fake_enqueue(stream, (Work){.kind = RECORD, .event = event, .ticket = ++event->ticket}));
}

CUresult cuEventSynchronize(CUevent event) {
  BEGIN;
  if (event->ticket) finish(event->stream, event, event->ticket);
  RETURN(fake_lost);
}

CUresult cuEventQuery(CUevent event) {
  BEGIN;
  RETURN(event->done >= event->ticket ? CUDA_SUCCESS : CUDA_ERROR_NOT_READY);
}

CUresult cuEventElapsedTime(float *milliseconds, CUevent start, CUevent end) {
  BEGIN;
  if (!start->ticket || !end->ticket) RETURN(CUDA_ERROR_INVALID_HANDLE);
  if (start->done < start->ticket || end->done < end->ticket) RETURN(CUDA_ERROR_NOT_READY);
  *milliseconds = (float)(end->time - start->time);
  RETURN(CUDA_SUCCESS);
}

CUresult cuStreamBeginCapture(CUstream stream, CUstreamCaptureMode mode) {
  BEGIN;
  if (!stream || stream->graph || captured || mode != CU_STREAM_CAPTURE_MODE_THREAD_LOCAL) RETURN(CUDA_ERROR_INVALID_VALUE);
  stream->graph = calloc(1, sizeof *stream->graph);
  stream->invalid = 0;
  captured = stream;
  RETURN(CUDA_SUCCESS);
}

static void release(List *list) {
  for (Work *work = list->first, *next; work; work = next) {
    next = work->next;
    if (work->owns_source) free(work->from);
    free(work->arguments);
    free(work);
  }
}

CUresult cuStreamEndCapture(CUstream stream, CUgraph *graph) {
  BEGIN;
  if (!stream->graph || captured != stream) RETURN(CUDA_ERROR_INVALID_VALUE);
  *graph = stream->graph;
  stream->graph = NULL;
  captured = NULL;
  if (stream->invalid) {
    release(&(*graph)->works);
    free(*graph);
    *graph = NULL;
    RETURN(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
  }
  RETURN(CUDA_SUCCESS);
}

static void copy(List *to, const List *from) {
  for (const Work *work = from->first; work; work = work->next) {
    Work other = *work;
    if (work->arguments) other.arguments = memcpy(malloc(work->bytes + 1), work->arguments, work->bytes);
    if (work->owns_source) other.from = memcpy(malloc(work->bytes + 1), work->from, work->bytes);
    add(to, other);
  }
}

CUresult cuGraphInstantiateWithFlags(CUgraphExec *executable, CUgraph graph, unsigned long long flags) {
  BEGIN;
  if (flags) RETURN(CUDA_ERROR_INVALID_VALUE);
  *executable = calloc(1, sizeof **executable);
  copy(&(*executable)->works, &graph->works);
  RETURN(CUDA_SUCCESS);
}

CUresult cuGraphLaunch(CUgraphExec executable, CUstream stream) {
  BEGIN;
  if (!stream || stream->graph) RETURN(CUDA_ERROR_INVALID_VALUE);
  fake_counts.replays++;
  copy(&stream->works, &executable->works);
  RETURN(CUDA_SUCCESS);
}

CUresult cuGraphExecDestroy(CUgraphExec executable) {
  BEGIN;
  release(&executable->works);
  free(executable);
  RETURN(CUDA_SUCCESS);
}

CUresult cuGraphDestroy(CUgraph graph) {
  BEGIN;
  release(&graph->works);
  free(graph);
  RETURN(CUDA_SUCCESS);
}
