// From packed arguments to the calls of a kernel's threads, block after block.
#pragma once
#include <atomic>
#include <climits>
#include <mutex>
#include <thread>
#include <tuple>
#include <utility>

#include "warpgroups.hpp"

namespace gc_emu {

template <class T> struct Argument {  // 8 bytes each
  static constexpr bool checked = false;
  static T make(uint64_t bits, Array&) {
    T value;
    static_assert(sizeof(T) <= 8, "arguments have 8 bytes");
    memcpy(&value, &bits, sizeof value);
    return value;
  }
};
template <class T> struct Argument<View<T>> {
  static constexpr bool checked = true;
  static View<T> make(uint64_t bits, Array& array) { return {reinterpret_cast<T*>(bits), &array}; }
};

template <class T> struct Pointee {
  static constexpr int element = 0;
  static constexpr bool is_const = true;
};
template <class T> struct Pointee<T*> {
  static constexpr int element = sizeof(T);
  static constexpr bool is_const = std::is_const_v<T>;
};
template <> struct Pointee<void*> : Pointee<char*> {};
template <> struct Pointee<const void*> : Pointee<const char*> {};
template <class T> struct Pointee<View<T>> : Pointee<T*> {};

struct Parameter {
  int element;  // 0: no array
  bool is_const, checked;
};

struct Kernel {
  const char* name;
  int most_threads, count;
  const char* const* names;  // of the parameters
  const Parameter* parameters;
  void (*body)();
};

template <auto F> struct Caller;
template <class... A, void (*F)(A...)> struct Caller<F> {
  static constexpr int count = sizeof...(A);
  static constexpr Parameter parameters[count + 1] = {{Pointee<A>::element, Pointee<A>::is_const, Argument<A>::checked}...};
  template <size_t... I> static void call(std::index_sequence<I...>) {
    Block& b = *block;
    static_cast<void>(b);
    F(Argument<A>::make(b.arguments[I], b.arrays[I])...);
  }
  static void body() { call(std::index_sequence_for<A...>()); }
};

struct Request_ {
  const Kernel* kernel;
  int grid, threads, shared;
  const uint64_t* arguments;
  const int64_t* sizes;
  int size_count;
  Device* device;
};

// What the arrays of a launch are: how large, and which cells they have. False: an address is none of the device's.
inline bool describe_arrays(Block& b, const Request_& r, char* error, size_t room) {
  const Kernel& k = *r.kernel;
  auto bytes_of = [&](int i) { return i < r.size_count ? r.sizes[i] : static_cast<int64_t>(1); };
  b.checked = false;
  for (int i = 0, arrays = 0; i < k.count; ++i) {
    const Parameter& p = k.parameters[i];
    if (!p.element) continue;
    char* base = reinterpret_cast<char*>(r.arguments[i]);
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
  static_cast<void>(bytes_of);
  for (int i = 0; i < k.count; ++i) {  // what nobody writes needs no looking after
    bool written = !k.parameters[i].is_const;
    for (int j = 0; j < k.count && !written; ++j)
      written = k.parameters[j].element && !k.parameters[j].is_const && b.arrays[j].base < b.arrays[i].base + b.arrays[i].bytes && b.arrays[i].base < b.arrays[j].base + b.arrays[j].bytes;
    if (!written) b.arrays[i].cells = nullptr;
  }
  return true;
}

inline std::vector<Block*>& idle_blocks() {
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

extern thread_local uint64_t own_time;  // of launches without a device

inline void begin_block(Block& b, int index) {
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

inline uint64_t latest(const Block& b) {
  uint64_t time = b.known[ENGINES].of[ENGINES];
  for (int w = 0; w < b.warps; ++w)
    if (b.known[w].of[w] > time) time = b.known[w].of[w];
  return time;
}

// Blocks of a launch until there are no more, or one fails.
inline void run_blocks(const Request_& r, std::atomic<int>& next, std::atomic<bool>& stop, Counters& counters, uint64_t& time, unsigned char* shared, char* error, size_t room) {
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

}  // namespace gc_emu
