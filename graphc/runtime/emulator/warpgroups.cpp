// wgmma.
#include "warpgroups.hpp"

namespace gc_emu {

unsigned long long wgmma_tile(Place p, int leading, int line) {
  int offset = shared_offset(p, 16, "a tile of wgmma", line);
  if (offset & 0x390) fault(line, "a tile of wgmma begins at byte %d: its first row has to begin at a multiple of 1024, and steps along k are of 32 bytes", offset);
  if (leading % 16 || leading < 16 || leading >= 1 << 18) fault(line, "a tile of wgmma cannot have %d bytes between its columns", leading);
  return static_cast<unsigned long long>(offset >> 4) | static_cast<unsigned long long>(leading >> 4) << 16 | 64ull << 32 | 1ull << 62;
}

int tile_byte(uint64_t descriptor, bool turned, int i, int k, int element) {
  int start = static_cast<int>(descriptor & 0x3fff) << 4, leading = static_cast<int>(descriptor >> 16 & 0x3fff) << 4, stride = static_cast<int>(descriptor >> 32 & 0x3fff) << 4;
  int row = turned ? k : i, column = turned ? i : k;
  int offset = start + row / 8 * stride + row % 8 * 128 + (turned ? column / 64 * leading + column % 64 * element : column * element);
  return swizzled(offset, 3);
}

static float tile_value(Block& b, int byte, int type) {
  unsigned bits = 0;
  memcpy(&bits, b.shared + byte, type == TF32 ? 4 : 2);
  return type == TF32 ? from_tf32(bits) : type == F16 ? from_f16(static_cast<unsigned short>(bits)) : from_bf16(static_cast<unsigned short>(bits));
}

int depth_of(int type) { return type == TF32 ? 8 : 16; }

int bytes_of(int type) { return type == TF32 ? 4 : 2; }

// Element of the sums that thread t has as its register r.
static int sum_index(int columns, int t, int r) { return (t / 32 * 16 + t % 32 / 4 + r % 4 / 2 * 8) * columns + r / 4 * 8 + t % 4 * 2 + r % 2; }

static void take_accumulators(Product& p, std::vector<Product>& flying, Request** all) {
  bool chained = false;
  for (Product& before : flying) chained |= before.registers[0] == p.registers[0];
  p.sums.assign(static_cast<size_t>(64 * p.columns), 0.0f);
  for (int t = 0; t < 128; ++t)
    for (int r = 0; r < p.columns / 2; ++r) {
      unsigned bits;
      memcpy(&bits, all[t]->registers + r, 4);
      if (chained ? bits != UNFINISHED : bits == UNFINISHED && all[t]->add)
        fault(p.line, "accumulators were touched while a wgmma is in flight: gc_wgmma_wait has to come first");
      if (all[t]->add && !chained) p.sums[static_cast<size_t>(sum_index(p.columns, t, r))] = all[t]->registers[r];
      memcpy(all[t]->registers + r, &UNFINISHED, 4);
    }
}

static void start_product(Request** all, unsigned) {
  Block& b = *block;
  int group = static_cast<int>(b.me - b.threads) / 128;
  const Request& first = *all[0];
  Product p{};
  p.columns = first.columns;
  p.type = first.type;
  p.group = b.me->product_group;
  p.line = first.line;
  p.a = first.a;
  p.b = first.b;
  p.turned_a = first.turned_a;
  p.turned_b = first.turned_b;
  p.fresh = !first.add;
  for (int t = 0; t < 128; ++t) {
    const Request& r = *all[t];
    if (r.a != p.a || r.b != p.b || r.add != first.add || b.threads[group * 128 + t].product_group != p.group)
      fault(p.line, "the threads of a warpgroup ask for different products");
    if (!b.threads[group * 128 + t].registers_fenced)
      fault(p.line, "wgmma without gc_wgmma_fence() since registers may have been touched (the begin, or the last gc_wgmma_wait)");
    p.registers[t] = r.registers;
  }
  if (first.left) {
    p.left.resize(64 * 16);
    for (int t = 0; t < 128; ++t)
      for (int i = 0; i < 4; ++i)
        for (int half = 0; half < 2; ++half) {
          unsigned short bits = static_cast<unsigned short>(all[t]->left[i] >> 16 * half);
          int row = t / 32 * 16 + t % 32 / 4 + i % 2 * 8, k = t % 4 * 2 + half + i / 2 * 8;
          p.left[static_cast<size_t>(row * 16 + k)] = p.type == F16 ? from_f16(bits) : from_bf16(bits);
        }
  }
  each_operand(p, [&](int byte) {
    if (byte + 16 > b.shared_bytes) fault(p.line, "wgmma reads byte %d of shared memory; the block was launched with %d", byte, b.shared_bytes);
    start_reading("wgmma", byte, 16, p.line);
  });
  take_accumulators(p, b.products[group], all);
  b.counters.tensor_products += static_cast<uint64_t>(64 * p.columns * depth_of(p.type));
  b.products[group].push_back(p);
}

void wgmma(float* registers, int columns, uint64_t a, const unsigned* left, uint64_t b, bool add, int turned_a, int turned_b, Type type, int line) {
  if (columns % 8 || columns < 8 || columns > 256) fault(line, "wgmma has no form of %d columns", columns);
  Request mine{registers, left, a, b, columns, type, line, add, turned_a != 0, turned_b != 0};
  by_group<128, Request>("wgmma", 0xffffffffu, mine, line, start_product);
}

static void compute(Block& b, Product& p) {
  int depth = depth_of(p.type), n = p.columns;
  std::vector<float> right(static_cast<size_t>(depth * n));
  for (int j = 0; j < n; ++j)
    for (int k = 0; k < depth; ++k) right[static_cast<size_t>(k * n + j)] = tile_value(b, tile_byte(p.b, p.turned_b, j, k, bytes_of(p.type)), p.type);
  for (int i = 0; i < 64; ++i) {
    float* sums = p.sums.data() + i * n;
    for (int k = 0; k < depth; ++k) {
      float left = p.left.empty() ? tile_value(b, tile_byte(p.a, p.turned_a, i, k, bytes_of(p.type)), p.type) : p.left[static_cast<size_t>(i * 16 + k)];
      const float* row = right.data() + k * n;
      for (int j = 0; j < n; ++j) sums[j] += left * row[j];
    }
  }
}

void wgmma_fence(int) { block->me->registers_fenced = true; }

void wgmma_commit(int) { ++block->me->product_group; }

// The oldest product is done: its sums go on to the next one of the same registers, or into them.
static void finish_product(Block& b, int group, uint64_t time) {
  std::vector<Product>& flying = b.products[group];
  Product p = std::move(flying.front());
  flying.erase(flying.begin());
  compute(b, p);
  each_operand(p, [&](int byte) { end_reading(byte, 16, time); });
  for (Product& next : flying) {
    if (next.registers[0] != p.registers[0]) continue;
    if (!next.fresh) next.sums = p.sums;
    return;
  }
  for (int t = 0; t < 128; ++t)
    for (int r = 0; r < p.columns / 2; ++r) {
      unsigned bits;
      memcpy(&bits, p.registers[t] + r, 4);
      if (bits != UNFINISHED) fault(p.line, "accumulators were written while this wgmma was in flight");
      p.registers[t][r] = p.sums[static_cast<size_t>(sum_index(p.columns, t, r))];
    }
}

void wgmma_wait(int last, int line) {
  Waiting mine{last};
  by_group<128, Waiting>("gc_wgmma_wait", 0xffffffffu, mine, line, [](Waiting** all, unsigned) {
    Block& b = *block;
    int group = static_cast<int>(b.me - b.threads) / 128, until = b.me->product_group - all[0]->last;
    uint64_t time = engine_time(b);
    while (!b.products[group].empty() && b.products[group].front().group < until) finish_product(b, group, time);
    for (int t = 0; t < 128; ++t) b.threads[group * 128 + t].registers_fenced = false;
    for (int w = group * 4; w < group * 4 + 4; ++w) b.known[w].of[ENGINES] = time;
  });
}

void end_of_block(Block& b) {
  int n = snprintf(b.error, sizeof b.error, "kernel %s, block %d ", b.kernel, b.index);
  const size_t room = sizeof b.error - static_cast<size_t>(n);
  b.failed = true;
  if (!b.loads.empty()) {
    snprintf(b.error + n, room, "ended while a bulk copy to its shared memory was in flight, line %d: ", b.loads[0].line);
    return;
  }
  for (MBarrier& m : b.mbarriers)
    if (m.bytes) {
      snprintf(b.error + n, room, "ended while the mbarrier at byte %d of shared memory expects %lld bytes more than came", m.offset, static_cast<long long>(m.bytes));
      return;
    }
  for (std::vector<Product>& flying : b.products)
    if (!flying.empty()) {
      snprintf(b.error + n, room, "ended while a wgmma was in flight, line %d: ", flying[0].line);
      return;
    }
  for (int i = 0; i < b.count; ++i)
    if (!b.threads[i].stores.empty()) {
      snprintf(b.error + n, room, "ended while a bulk store from its shared memory was in flight, line %d: ", b.threads[i].stores[0].line);
      return;
    }
  b.failed = false;
}

}  // namespace gc_emu
