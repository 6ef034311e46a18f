// The scheduler: one warp runs as far as it comes, then the next.
#include "block.hpp"

namespace gc_emu {

// Ends the launch; never returns. May only be called by a thread.
[[noreturn]] static void fault_text() {
  block->failed = true;
  go(block->me->fiber, block->scheduler);
  __builtin_unreachable();
}

void fault(int line, const char* format, ...) {
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

// what some warps know, all of them know
static void same_time(Block& b, const bool* takes_part) {
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

void named_barrier(int id, int threads, int line) {
  Thread* me = block->me;
  if (id < 0 || id > 15) fault(line, "a barrier has a number from 0 to 15, not %d", id);
  if (threads % 32 || threads <= 0 || threads > block->count) fault(line, "barrier %d cannot wait for %d threads of %d", id, threads, block->count);
  me->named = id;
  me->named_count = threads;
  wait_as(AT_NAMED, line);
}

void syncwarp(unsigned mask, int line) {
  struct Nothing {} nothing;
  by_warp<Nothing>("__syncwarp", mask, nothing, line, [](Nothing**, unsigned) { ++block->known[block->me->warp].of[block->me->warp]; });
}

// Whether the barrier that all came to let go.
static bool leave_barrier(Block& b) {
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

static bool leave_named(Block& b) {
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

void entry() {
  Block& b = *block;
  b.body();
  Block& same = *block;
  same.me->state = DONE;
  go(same.me->fiber, same.scheduler);
}

static bool run_thread(Block& b, Thread& t) {
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

unsigned next_random(Block& b) {
  b.random = b.random * 6364136223846793005ull + 1442695040888963407ull;
  return static_cast<unsigned>(b.random >> 33);
}

static void arrange(Block& b, int* items, int n) {
  for (int i = 0; i < n; ++i) items[i] = b.order == DESCENDING ? n - 1 - i : i;
  if (b.order == SHUFFLED)
    for (int i = n - 1; i > 0; --i) {
      int j = static_cast<int>(next_random(b) % static_cast<unsigned>(i + 1)), was = items[i];
      items[i] = items[j];
      items[j] = was;
    }
}

// One warp as far as it comes; whether it did anything.
static bool run_warp(Block& b, int warp) {
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

static const char* name_of(State state) {
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
static void report_deadlock(Block& b) {
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

void run_block(Block& b) {
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
    for (int i = 0; i < b.warps && !b.failed; ++i) {
      any |= run_warp(b, order[i]);
      if (b.stoppable && interrupted && !b.failed) {
        snprintf(b.error, sizeof b.error, "kernel %s: stopped by an interrupt", b.kernel);
        b.failed = true;
      }
    }
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
