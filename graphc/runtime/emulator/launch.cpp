// A launch: its blocks, one after the other or on several threads of the CPU.
#include "launch.hpp"

#include <algorithm>
#include <atomic>
#include <climits>
#include <mutex>
#include <thread>

constexpr int GC_MOST_SHARED = 227 << 10;
__thread unsigned char gc_shared[GC_MOST_SHARED + 64] __attribute__((aligned(1024)));

namespace gc_emu {

static thread_local uint64_t own_time = 1;  // of launches without a device

struct Work {  // a launch
  const Kernel* kernel;
  int grid, threads, shared;
  const uint64_t* arguments;
  const int64_t* sizes;
  int size_count;
  Device* device;
};

// What the arrays of a launch are: how large, and which cells they have. False: an address is none of the device's.
static bool describe_arrays(Block& b, const Work& r, char* error, size_t room) {
  const Kernel& k = *r.kernel;
  b.checked = false;
  for (int i = 0, arrays = 0; i < k.count; ++i) {
    const Parameter& p = k.parameters[i];
    if (!p.element) continue;
    char* base = reinterpret_cast<char*>(r.arguments[place(k.parameters, i)]);
    Array& a = b.arrays[i];
    a = {k.names[i], base, INT64_MAX / 2, nullptr, p.element, false};
    if (arrays < r.size_count) a.bytes = r.sizes[arrays];
    ++arrays;
    b.checked |= p.checked;
    if (!r.device || a.bytes == 0) continue;
    const Allocation* of = nullptr;
    for (int64_t j = 0; j < r.device->count; ++j)
      if (base >= r.device->allocations[j].base && base < r.device->allocations[j].base + r.device->allocations[j].bytes) of = r.device->allocations + j;
    if (!of) {
      snprintf(error, room, "kernel %s: the address %p of %s is not one of the device's memory", k.name, static_cast<void*>(base), k.names[i]);
      return false;
    }
    int64_t room_left = of->base + of->bytes - base;
    if (arrays > r.size_count) a.bytes = room_left;
    if (a.bytes > room_left) {
      snprintf(error, room, "kernel %s: %s has %lld bytes, its memory ends after %lld", k.name, k.names[i], static_cast<long long>(a.bytes), static_cast<long long>(room_left));
      return false;
    }
    if (p.checked && of->cells && (base - of->base) % 4 == 0) a.cells = of->cells + (base - of->base) / 4;
  }
  for (int i = 0; i < k.count; ++i) {  // what nobody writes needs no looking after
    bool written = !k.parameters[i].is_const;
    for (int j = 0; j < k.count && !written; ++j)
      written = k.parameters[j].element && !k.parameters[j].is_const && b.arrays[j].base < b.arrays[i].base + b.arrays[i].bytes && b.arrays[i].base < b.arrays[j].base + b.arrays[j].bytes;
    if (!written) b.arrays[i].cells = nullptr;
  }
  return true;
}

static std::vector<Block*>& idle_blocks() {
  static std::vector<Block*> blocks;
  return blocks;
}

struct Lease {  // a Block, with its stacks and cells, which outlive a launch
  Block* taken;
  static std::mutex& lock() {
    static std::mutex mutex;
    return mutex;
  }
  Lease() {
    std::lock_guard<std::mutex> guard(lock());
    if (idle_blocks().empty()) idle_blocks().push_back(new Block());
    taken = idle_blocks().back();
    idle_blocks().pop_back();
  }
  ~Lease() {
    std::lock_guard<std::mutex> guard(lock());
    idle_blocks().push_back(taken);
  }
};

static struct sigaction python_action;

// Python's handler runs too: it has KeyboardInterrupt raised when the launch returns.
static void on_interrupt(int number, siginfo_t* info, void* context) {
  interrupted = 1;
  if (python_action.sa_flags & SA_SIGINFO)
    python_action.sa_sigaction(number, info, context);
  else if (python_action.sa_handler != SIG_DFL && python_action.sa_handler != SIG_IGN)
    python_action.sa_handler(number);
}

struct Interruptible {  // a launch of the main thread that Ctrl-C stops: Python itself would wait for its end
  const bool on;
  explicit Interruptible(bool wanted) : on(wanted) {
    if (!on) return;
    interrupted = 0;
    struct sigaction mine = {};
    mine.sa_sigaction = on_interrupt;
    mine.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigaction(SIGINT, nullptr, &python_action);
    sigaction(SIGINT, &mine, nullptr);
  }
  ~Interruptible() {
    if (on) sigaction(SIGINT, &python_action, nullptr);
  }
};

static void begin_block(Block& b, int index) {
  b.index = index;
  b.random = static_cast<uint64_t>(index) * 2654435761u + 1;
  memset(b.shared, 0xff, static_cast<size_t>(b.shared_bytes));
  b.known[ENGINES].set(b.time - 1, b.warps);
  b.known[ENGINES].of[ENGINES] = b.time;
  for (int w = 0; w < b.warps; ++w) {
    b.known[w].set(b.time - 1, b.warps);
    b.known[w].of[w] = b.time;
  }
  b.mbarriers.clear();
  b.loads.clear();
  for (std::vector<Product>& flying : b.products) flying.clear();
}

static uint64_t latest(const Block& b) {
  uint64_t time = b.known[ENGINES].of[ENGINES];
  for (int w = 0; w < b.warps; ++w)
    if (b.known[w].of[w] > time) time = b.known[w].of[w];
  return time;
}

// Blocks of a launch until there are no more, or one fails.
static void run_blocks(const Work& r, std::atomic<int>& next, std::atomic<bool>& stop, Counters& counters, uint64_t& time, unsigned char* shared, char* error, size_t room) {
  Lease lease;
  Block& b = *lease.taken;
  block = &b;
  b.kernel = r.kernel->name;
  b.body = r.kernel->body;
  b.count = r.threads;
  b.warps = (r.threads + 31) / 32;
  b.grid = r.grid;
  b.shared_bytes = r.shared;
  b.shared = shared;
  b.shared_cells.resize(static_cast<size_t>(r.shared) / 4 + 8);
  b.arguments = r.arguments;
  b.device = r.device;
  b.order = r.device ? static_cast<Order>(r.device->order) : ASCENDING;
  b.early = r.device && r.device->early;
  b.stoppable = r.device && r.device->stoppable;
  b.failed = false;
  b.error[0] = 0;
  b.counters = Counters{};
  b.launch_time = time;
  if (describe_arrays(b, r, error, room)) {
    for (int i; !stop && (i = next++) < r.grid;) {
      b.time = time;
      begin_block(b, b.order == DESCENDING ? r.grid - 1 - i : i);
      run_block(b);
      time = latest(b) + 1;
      if (b.failed) {
        if (!stop.exchange(true)) snprintf(error, room, "%s", b.error);
        break;
      }
    }
  } else {
    stop = true;
  }
  counters = b.counters;
  block = nullptr;
}

int launch(const Kernel* kernels, int known, const char* name, int grid, int threads, int shared, const uint64_t* arguments, int count,
           const int64_t* sizes, int size_count, Device* device, Counters* counters, char* error, int room) {
  const Kernel* kernel = nullptr;
  for (int i = 0; i < known; ++i)
    if (!strcmp(kernels[i].name, name)) kernel = kernels + i;
  const size_t space = static_cast<size_t>(room);
  error[0] = 0;
  if (!kernel) return snprintf(error, space, "there is no kernel %s", name), 1;
  if (count != kernel->words) return snprintf(error, space, "kernel %s takes %d arguments, not %d", name, kernel->words, count), 1;
  if (threads < 1 || threads > kernel->most_threads)
    return snprintf(error, space, "kernel %s was compiled for %d threads of a block, and launched with %d", name, kernel->most_threads, threads), 1;
  if (grid < 1) return snprintf(error, space, "kernel %s was launched with %d blocks", name, grid), 1;
  if (shared < 0 || shared > GC_MOST_SHARED) return snprintf(error, space, "kernel %s was launched with %d bytes of shared memory; a block has %d", name, shared, GC_MOST_SHARED), 1;
  Work request{kernel, grid, threads, shared, arguments, sizes, size_count, device};
  bool checked = false;
  for (int i = 0; i < count; ++i) checked |= kernel->parameters[i].checked;
  const int workers = device && !checked ? std::min<int>(device->workers, grid) : 1;
  std::atomic<int> next{0};
  std::atomic<bool> stop{false};
  uint64_t time = device ? device->time + 1 : own_time + 1;
  std::vector<Counters> counted(static_cast<size_t>(workers < 1 ? 1 : workers));
  std::vector<std::thread> others;
  for (int i = 1; i < workers; ++i)
    others.emplace_back([&, i] {
      uint64_t mine = time;
      run_blocks(request, next, stop, counted[static_cast<size_t>(i)], mine, gc_shared, error, space);
    });
  uint64_t end = time;
  const Interruptible guard(device && device->stoppable);
  run_blocks(request, next, stop, counted[0], end, gc_shared, error, space);
  for (std::thread& t : others) t.join();
  (device ? device->time : own_time) = end + 1;
  if (counters) {
    *counters = Counters{};
    for (const Counters& c : counted)
      for (size_t i = 0; i < sizeof c / 8; ++i) reinterpret_cast<uint64_t*>(counters)[i] += reinterpret_cast<const uint64_t*>(&c)[i];
  }
  return stop ? 1 : 0;
}

}  // namespace gc_emu

// An index into an array of a thread that is beyond it (compiled with -fsanitize=bounds-strict).
struct GcSite {
  const char* file;
  unsigned line, column;
};
static void gc_out_of_bounds(const GcSite* at, uint64_t index) {
  gc_emu::fault(static_cast<int>(at->line), "element %lld of an array of the thread: out of bounds", static_cast<long long>(index));
}
extern "C" void __ubsan_handle_out_of_bounds(void* data, void* index) {
  gc_out_of_bounds(static_cast<const GcSite*>(data), reinterpret_cast<uint64_t>(index));
}
extern "C" void __ubsan_handle_out_of_bounds_abort(void* data, void* index) {
  gc_out_of_bounds(static_cast<const GcSite*>(data), reinterpret_cast<uint64_t>(index));
}
