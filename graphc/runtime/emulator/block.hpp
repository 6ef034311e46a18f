// One block of threads: who runs next, what waits for what, and how a fault ends it.
#pragma once
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <vector>

#include "fibers.hpp"
#include "shadow.hpp"

namespace gc_emu {

enum State : uint8_t { FRESH, READY, YIELDED, AT_WARP, AT_BARRIER, AT_NAMED, AT_MBARRIER, DONE };

enum Order { ASCENDING, DESCENDING, SHUFFLED };

struct Copy {  // one cp.async
  Place to, from;
  int bytes, group;
  bool inside;
  int line;
};

struct TensorMap {  // what device.py writes into its 128 bytes
  uint64_t magic;
  char* base;
  uint32_t rank, element, swizzle, unused;
  uint32_t size[4], box[4];
  uint64_t stride[4];  // bytes; that of the innermost dimension is `element`
};
constexpr uint64_t TENSOR_MAP = 0x70614d726f736e54;

struct BulkStore {
  TensorMap map;
  Place from;
  int at[4], group, line;
};

struct Thread {
  Fiber fiber;
  Stack stack;
  State state;
  uint8_t warp, lane;
  int line;                 // where it waits
  unsigned mask;            // of a function that a warp calls together
  const char* what;         // its name
  void* operand;            // its arguments, in the stack of the thread
  int named, named_count;   // a named barrier
  int offset, parity;       // an mbarrier
  uint64_t fenced;          // ordinary stores up to this time are seen by the engines
  bool registers_fenced;    // wgmma.fence since the last wait
  int group, bulk_group, product_group;  // numbers of the groups that are being made up
  std::vector<Copy> copies;
  std::vector<BulkStore> stores;
};

struct MBarrier {
  int offset, count, pending;
  int64_t bytes;   // announced and not yet there
  int phase;
  uint64_t made;   // time of its initialisation, by `maker`
  int maker;
  Clock arrived, ended;  // what those who arrived knew; in the phase that ended last
};

struct BulkLoad {
  TensorMap map;   // rank 0: plain bytes
  Place to;
  const char* from;
  int at[4], bytes, offset, line;
};

struct Product {  // one wgmma
  int columns, type, group, line;
  uint64_t a, b;                 // descriptors; a is 0 where its values were in registers
  bool turned_a, turned_b, fresh;  // fresh: nothing is added to
  std::vector<float> left, sums;  // 64 rows
  float* registers[128];
};

struct Device {  // device.py has the same
  Allocation* allocations;
  int64_t count;
  uint64_t time;       // in the checked launches so far
  int32_t order, early, workers;
  int32_t stoppable;  // by SIGINT: Python raises KeyboardInterrupt then
};

struct Block {
  Fiber scheduler;
  Thread threads[MOST_THREADS];
  std::vector<Stack> free;
  Thread* me = nullptr;
  int count, warps, index, grid, shared_bytes;
  Order order;
  bool early;          // copies land when they are started, not as late as they may
  bool stoppable;      // the launch is, by SIGINT
  uint64_t random;
  // what runs
  const char* kernel;
  void (*body)();
  // what is known
  bool checked, failed;
  char error[2048];
  Device* device;
  uint64_t launch_time, time;  // begin of the launch and of the block
  Clock known[ACTORS];
  unsigned char* shared;
  std::vector<Cell> shared_cells;
  std::vector<MBarrier> mbarriers;
  std::vector<BulkLoad> loads;
  std::vector<Product> products[MOST_THREADS / 128];
  const uint64_t* arguments;
  Array arrays[4096];  // a kernel has no more parameters: CUDA gives them 32 764 bytes
  Counters counters;

  uint64_t now(int warp) const { return known[warp].of[warp]; }
  void tell(int warp, Clock& to) {  // what the warp knows, and what it does from here on is new
    to.learn(known[warp], warps);
    ++known[warp].of[warp];
  }
};

inline thread_local Block* block = nullptr;
inline volatile sig_atomic_t interrupted = 0;  // SIGINT came in a launch that it stops

// A thread waits, and others go on.
inline void wait_as(State state, int line) {
  Thread* me = block->me;
  me->state = state;
  me->line = line;
  go(me->fiber, block->scheduler);
}

// "line 12: ": device.py puts the text of that line of the source in its place.
[[noreturn]] __attribute__((format(printf, 2, 3))) void fault(int line, const char* format, ...);

// --- threads of a warp that do something together --------------------------------------------------------------------------

// The threads of `mask` (for each warp) in a group of COUNT neighbours have to come to the same place; the last one does
// `together` with the operands of all.
template <int COUNT, class T>
inline void by_group(const char* what, unsigned mask, T& operand, int line, void (*together)(T** operands, unsigned mask)) {
  Block& b = *block;
  Thread* me = b.me;
  int begin = static_cast<int>(me - b.threads) / COUNT * COUNT;
  T* operands[COUNT] = {};
  bool all = true;
  if (begin + COUNT > b.count && COUNT > 32) fault(line, "%s: needs %d threads, from a multiple of that on", what, COUNT);
  if (!(mask >> me->lane & 1)) fault(line, "%s: the thread is not in its own mask %08x", what, mask);
  for (int i = 0; i < COUNT; ++i) {
    Thread* t = b.threads + begin + i;
    if (!(mask >> (i & 31) & 1) || t == me) continue;
    if (begin + i >= b.count) fault(line, "%s: there is no thread %d", what, begin + i);
    if (t->state == DONE) fault(line, "%s: thread %d has ended and cannot take part", what, begin + i);
    if (t->state != AT_WARP) {
      all = false;
    } else if (t->line != line || t->mask != mask || strcmp(t->what, what) != 0) {
      fault(line, "%s: thread %d of the same warp or group is elsewhere, in %s of line %d", what, begin + i, t->what, t->line);
    } else {
      operands[i] = static_cast<T*>(t->operand);
    }
  }
  if (!all) {
    me->what = what;
    me->mask = mask;
    me->operand = &operand;
    return wait_as(AT_WARP, line);
  }
  operands[me - b.threads - begin] = &operand;
  together(operands, mask);
  for (int i = 0; i < COUNT; ++i)
    if (operands[i] && b.threads + begin + i != me) b.threads[begin + i].state = READY;
}

template <class T>
inline void by_warp(const char* what, unsigned mask, T& operand, int line, void (*together)(T** operands, unsigned mask)) {
  by_group<32, T>(what, mask, operand, line, together);
}

// --- the barriers of a block -------------------------------------------------------------------------------------------------

inline void syncthreads(int line) {
  ++block->counters.barriers;
  wait_as(AT_BARRIER, line);
}

void named_barrier(int id, int threads, int line);

void syncwarp(unsigned mask, int line);

// --- who runs next -------------------------------------------------------------------------------------------------------------

void entry();

unsigned next_random(Block& b);

bool phase_ended(Block& b, int offset, int parity, Thread& by);  // hopper.hpp
bool land_one(Block& b);
void end_of_block(Block& b);

void run_block(Block& b);

}  // namespace gc_emu
