// One block of threads: who runs next, what waits for what, and how a fault ends it.
#pragma once
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
  int32_t order, early, workers, unused;
};

struct Block {
  Fiber scheduler;
  Thread threads[MOST_THREADS];
  std::vector<Stack> free;
  Thread* me = nullptr;
  int count, warps, index, grid, shared_bytes;
  Order order;
  bool early;          // copies land when they are started, not as late as they may
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

// A thread waits, and others go on.
inline void wait_as(State state, int line) {
  Thread* me = block->me;
  me->state = state;
  me->line = line;
  go(me->fiber, block->scheduler);
}

// Ends the launch; never returns. May only be called by a thread.
[[noreturn]] inline void fault_text() {
  block->failed = true;
  go(block->me->fiber, block->scheduler);
  __builtin_unreachable();
}

// "line 12: ": device.py puts the text of that line of the source in its place.
[[noreturn]] __attribute__((format(printf, 2, 3))) inline void fault(int line, const char* format, ...) {
  Block& b = *block;
  if (!b.failed) {
    int n = snprintf(b.error, sizeof b.error, "kernel %s, thread %d of block %d, line %d: ", b.kernel,
                     static_cast<int>(b.me - b.threads), b.index, line);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(b.error + n, sizeof b.error - n, format, arguments);
    va_end(arguments);
  }
  fault_text();
}

// --- threads of a warp that do something together --------------------------------------------------------------------------

// So many threads from `first` on that are in `mask` have to come to the same place; the last one does `together` with the
// operands of all.
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

inline void same_time(Block& b, const bool* takes_part) {  // what some warps know, all of them know
  Clock all;
  all.set(0, b.warps);
  for (int w = 0; w < b.warps; ++w)
    if (takes_part[w]) all.learn(b.known[w], b.warps);
  for (int w = 0; w < b.warps; ++w)
    if (takes_part[w]) {
      b.known[w].learn(all, b.warps);
      ++b.known[w].of[w];
    }
}

inline void syncthreads(int line) {
  ++block->counters.barriers;
  wait_as(AT_BARRIER, line);
}

inline void named_barrier(int id, int threads, int line) {
  Thread* me = block->me;
  if (id < 0 || id > 15) fault(line, "a barrier has a number from 0 to 15, not %d", id);
  if (threads % 32 || threads <= 0 || threads > block->count) fault(line, "barrier %d cannot wait for %d threads of %d", id, threads, block->count);
  me->named = id;
  me->named_count = threads;
  wait_as(AT_NAMED, line);
}

inline void syncwarp(unsigned mask, int line) {
  struct Nothing {} nothing;
  by_warp<Nothing>("__syncwarp", mask, nothing, line, [](Nothing**, unsigned) { ++block->known[block->me->warp].of[block->me->warp]; });
}

// Whether the barrier that all came to let go.
inline bool leave_barrier(Block& b) {
  for (int i = 0; i < b.count; ++i)
    if (b.threads[i].state != AT_BARRIER) return false;
  for (int w = 0; w < b.warps; ++w)
    for (int i = w * 32 + 1; i < b.count && i < w * 32 + 32; ++i)
      if (b.threads[i].line != b.threads[w * 32].line) return false;
  bool everybody[MOST_WARPS];
  for (int i = 0; i < b.count; ++i) b.threads[i].state = READY;
  for (int w = 0; w < b.warps; ++w) everybody[w] = true;
  same_time(b, everybody);
  return true;
}

inline bool leave_named(Block& b) {
  bool some = false;
  for (int id = 0; id < 16; ++id) {
    int here = 0, wanted = 0;
    for (int i = 0; i < b.count; ++i)
      if (b.threads[i].state == AT_NAMED && b.threads[i].named == id) ++here, wanted = b.threads[i].named_count;
    if (!here || here != wanted) continue;
    bool part[MOST_WARPS] = {};
    for (int i = 0; i < b.count; ++i)
      if (b.threads[i].state == AT_NAMED && b.threads[i].named == id) {
        part[b.threads[i].warp] = true;
        b.threads[i].state = READY;
      }
    same_time(b, part);
    some = true;
  }
  return some;
}

// --- who runs next -------------------------------------------------------------------------------------------------------------

inline void entry() {
  Block& b = *block;
  b.body();
  Block& same = *block;
  same.me->state = DONE;
  go(same.me->fiber, same.scheduler);
}

inline bool run_thread(Block& b, Thread& t) {
  if (t.state == FRESH) {
    if (b.free.empty()) {
      Stack stack;
      if (!stack.make()) {
        snprintf(b.error, sizeof b.error, "kernel %s: there is no memory for the stack of a thread", b.kernel);
        b.failed = true;
        return false;
      }
      b.free.push_back(stack);
    }
    t.stack = b.free.back();
    b.free.pop_back();
    t.fiber = begin(t.stack, entry);
  }
  t.state = READY;
  b.me = &t;
  go(b.scheduler, t.fiber);
  if (t.state == DONE || b.failed) {
    b.free.push_back(t.stack);
    t.stack.memory = nullptr;
  }
  return !b.failed;
}

inline unsigned next_random(Block& b) {
  b.random = b.random * 6364136223846793005ull + 1442695040888963407ull;
  return static_cast<unsigned>(b.random >> 33);
}

inline void arrange(Block& b, int* items, int n) {
  for (int i = 0; i < n; ++i) items[i] = b.order == DESCENDING ? n - 1 - i : i;
  if (b.order == SHUFFLED)
    for (int i = n - 1; i > 0; --i) {
      int j = static_cast<int>(next_random(b) % static_cast<unsigned>(i + 1)), was = items[i];
      items[i] = items[j];
      items[j] = was;
    }
}

bool phase_ended(Block& b, int offset, int parity, Thread& by);  // hopper.hpp
bool land_one(Block& b);
void end_of_block(Block& b);

// One warp as far as it comes; whether it did anything.
inline bool run_warp(Block& b, int warp) {
  bool any = false;
  int lanes[32], n = b.count - warp * 32 < 32 ? b.count - warp * 32 : 32;
  Thread* first = b.threads + warp * 32;
  for (int i = 0; i < n; ++i) {
    Thread& t = first[i];
    if (t.state == YIELDED || (t.state == AT_MBARRIER && phase_ended(b, t.offset, t.parity, t))) t.state = READY;
  }
  for (bool ran = true; ran;) {
    ran = false;
    arrange(b, lanes, n);
    for (int i = 0; i < n; ++i) {
      Thread& t = first[lanes[i]];
      if (t.state != READY && t.state != FRESH) continue;
      if (!run_thread(b, t)) return true;
      ran = any = true;
    }
  }
  return any;
}

inline const char* name_of(State state) {
  switch (state) {
    case DONE: return "has ended";
    case AT_WARP: return "waits for the other lanes of its warp";
    case AT_BARRIER: return "waits at __syncthreads";
    case AT_NAMED: return "waits at a named barrier";
    case AT_MBARRIER: return "waits for the phase of an mbarrier";
    default: return "runs";
  }
}

// Nobody can go on: who waits for what.
inline void report_deadlock(Block& b) {
  int n = snprintf(b.error, sizeof b.error, "kernel %s, block %d: no thread can go on", b.kernel, b.index);
  int parts = 0;
  for (int i = 0; i < b.count && n < static_cast<int>(sizeof b.error) - 200;) {
    Thread& t = b.threads[i];
    int j = i;
    while (j < b.count && b.threads[j].state == t.state && (t.state == DONE || b.threads[j].line == t.line)) ++j;
    if (++parts > 8) {
      n += snprintf(b.error + n, sizeof b.error - n, "; ...");
      break;
    }
    n += snprintf(b.error + n, sizeof b.error - n, "; threads %d to %d: %s", i, j - 1, t.state == AT_WARP ? t.what : name_of(t.state));
    if (t.state != DONE) n += snprintf(b.error + n, sizeof b.error - n, " (line %d: )", t.line);
    i = j;
  }
  b.failed = true;
}

inline void run_block(Block& b) {
  for (int i = 0; i < b.count; ++i) {
    Thread& t = b.threads[i];
    t.state = FRESH;
    t.warp = static_cast<uint8_t>(i / 32);
    t.lane = static_cast<uint8_t>(i % 32);
    t.fenced = 0;
    t.registers_fenced = false;
    t.group = t.bulk_group = t.product_group = 0;
    t.copies.clear();
    t.stores.clear();
  }
  int order[MOST_WARPS];
  for (;;) {
    bool any = false;
    arrange(b, order, b.warps);
    for (int i = 0; i < b.warps && !b.failed; ++i) any |= run_warp(b, order[i]);
    if (b.failed) break;
    any |= leave_barrier(b) | leave_named(b);
    if (any) continue;
    bool done = true;
    for (int i = 0; i < b.count; ++i) done &= b.threads[i].state == DONE;
    if (done) {
      end_of_block(b);
      break;
    }
    if (!land_one(b)) report_deadlock(b);
    if (b.failed) break;
  }
  for (int i = 0; i < b.count; ++i)  // those of threads that a fault ended
    if (b.threads[i].stack.memory) {
      b.free.push_back(b.threads[i].stack);
      b.threads[i].stack.memory = nullptr;
    }
}

}  // namespace gc_emu
