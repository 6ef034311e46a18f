// mbarriers and the copy engine.
#include "hopper.hpp"

namespace gc_emu {

void fence_async() {
  Block& b = *block;
  b.me->fenced = b.now(b.me->warp);
  ++b.known[b.me->warp].of[b.me->warp];
}

void start_reading(const char* what, int offset, int bytes, int line) {
  Block& b = *block;
  if (!b.checked) return;
  Array all = all_shared();
  each_cell(all, offset, bytes, [&](Cell& c, unsigned mask, int64_t at) {
    read_cell(b, c, mask, PLAIN, all, at, line);
    if (kind_of(c.writer) == PLAIN && time_of(c.writer) >= b.time && b.threads[thread_of(c.writer)].fenced < time_of(c.writer))
      fault(line, "%s reads byte %lld of shared memory, which thread %d wrote by an ordinary store without gc_fence_async() after it", what,
            static_cast<long long>(at), thread_of(c.writer));
    c.reader = word(b.now(b.me->warp), 15, FLYING, static_cast<int>(b.me - b.threads));
  });
}

void end_reading(int offset, int bytes, uint64_t time) {
  if (!block->checked) return;
  each_cell(all_shared(), offset, bytes, [&](Cell& c, unsigned, int64_t) {
    if (kind_of(c.other) == FLYING) c.other = word(time, 15, ENGINE, 0);
    (kind_of(c.reader) == FLYING ? c.reader : c.other) = word(time, 15, ENGINE, 0);
  });
}

uint64_t engine_time(Block& b) { return b.known[ENGINES].of[ENGINES]++; }

void mbarrier_init(Place p, int count, int line) {
  Block& b = *block;
  int offset = shared_offset(p, 8, "mbarrier", line);
  if (offset % 8) fault(line, "an mbarrier's address is no multiple of 8");
  if (count < 1 || count >= 1 << 20) fault(line, "an mbarrier cannot wait for %d arrivals", count);
  if (p.array) check(*p.array, p.at, 8, true, PLAIN, line);
  memcpy(p.at, &MBARRIER, 8);
  size_t i = 0;
  while (i < b.mbarriers.size() && b.mbarriers[i].offset != offset) ++i;
  if (i == b.mbarriers.size()) b.mbarriers.emplace_back();
  MBarrier& m = b.mbarriers[i];
  m = MBarrier{};
  m.offset = offset;
  m.count = m.pending = count;
  m.made = b.now(b.me->warp);
  m.maker = static_cast<int>(b.me - b.threads);
}

static MBarrier* mbarrier_at(Block& b, int offset) {
  for (MBarrier& m : b.mbarriers)
    if (m.offset == offset) return &m;
  return nullptr;
}

MBarrier& mbarrier(Place p, int line) {
  Block& b = *block;
  MBarrier* m = mbarrier_at(b, shared_offset(p, 8, "mbarrier", line));
  if (!m) fault(line, "there is no mbarrier at this address: it was not initialised");
  if (memcmp(p.at, &MBARRIER, 8)) fault(line, "the memory of the mbarrier was overwritten");
  if (!ordered(b, word(m->made, 15, PLAIN, m->maker))) fault(line, "the mbarrier was initialised by thread %d, with no barrier between", m->maker);
  return *m;
}

static void end_phase(MBarrier& m) {
  if (m.pending || m.bytes) return;
  m.pending = m.count;
  ++m.phase;
  m.ended = m.arrived;
}

void mbarrier_arrive(Place bar, int bytes, int line) {
  Block& b = *block;
  MBarrier& m = mbarrier(bar, line);
  if (!m.pending) fault(line, "more threads arrive at the mbarrier than the %d that it was initialised for", m.count);
  --m.pending;
  m.bytes += bytes;
  b.tell(b.me->warp, m.arrived);
  end_phase(m);
  wait_as(YIELDED, line);  // who waits for this may go first
}

bool phase_ended(Block& b, int offset, int parity, Thread& by) {
  MBarrier* m = mbarrier_at(b, offset);
  if ((m->phase & 1) == parity) return false;
  b.known[by.warp].learn(m->ended, b.warps);
  return true;
}

void mbarrier_wait(Place bar, int parity, int line) {
  Block& b = *block;
  MBarrier& m = mbarrier(bar, line);
  if (parity & ~1) fault(line, "the parity of a phase is 0 or 1, not %d", parity);
  if (phase_ended(b, m.offset, parity, *b.me)) return;
  b.me->offset = m.offset;
  b.me->parity = parity;
  wait_as(AT_MBARRIER, line);
}

static TensorMap tensor_map(const void* at, int dimensions, int line) {
  TensorMap map;
  if (reinterpret_cast<uint64_t>(at) % 64) fault(line, "the address of a tensor map is no multiple of 64");
  memcpy(&map, at, sizeof map);
  if (map.magic != TENSOR_MAP) fault(line, "there is no tensor map at this address");
  if (static_cast<int>(map.rank) != dimensions) fault(line, "the tensor map has %u dimensions, not %d", map.rank, dimensions);
  return map;
}

static int box_bytes(const TensorMap& m) {
  uint32_t elements = m.element;
  for (uint32_t d = 0; d < m.rank; ++d) elements *= m.box[d];
  return static_cast<int>(elements);
}

int swizzled(int offset, uint32_t mode) { return offset ^ (offset >> 7 & ((1 << mode) - 1)) << 4; }

void land(Block& b, const BulkLoad& l) {
  int offset = static_cast<int>(reinterpret_cast<unsigned char*>(l.to.at) - b.shared);
  if (!l.map.rank) {
    memcpy(l.to.at, l.from, static_cast<size_t>(l.bytes));
  } else {
    int width = static_cast<int>(l.map.box[0] * l.map.element), element = static_cast<int>(l.map.element);
    std::vector<char> row(static_cast<size_t>(width));
    each_row(l.map, l.at, [&](int place, const char* from, int begin, int end) {
      memset(row.data(), 0, row.size());
      if (begin < end) memcpy(row.data() + begin * element, from + begin * element, static_cast<size_t>((end - begin) * element));
      for (int i = 0; i < width; i += 16) memcpy(b.shared + swizzled(offset + place + i, l.map.swizzle), row.data() + i, 16);
    });
  }
  uint64_t time = engine_time(b);
  end_writing(offset, l.bytes, ENGINE, time, 0);
  MBarrier* m = mbarrier_at(b, l.offset);
  m->bytes -= l.bytes;
  if (m->arrived.of[ENGINES] < time) m->arrived.of[ENGINES] = time;
  end_phase(*m);
}

bool land_one(Block& b) {
  if (b.loads.empty()) return false;
  size_t i = b.order == ASCENDING ? 0 : b.order == DESCENDING ? b.loads.size() - 1 : next_random(b) % b.loads.size();
  BulkLoad load = b.loads[i];
  b.loads.erase(b.loads.begin() + static_cast<int64_t>(i));
  land(b, load);
  return true;
}

static void start_load(BulkLoad& l, int alignment, Place bar, int line) {
  Block& b = *block;
  int offset = shared_offset(l.to, l.bytes, "a bulk copy", line);
  if (offset % alignment) fault(line, "a bulk copy to byte %d of shared memory, which is no multiple of %d", offset, alignment);
  MBarrier& m = mbarrier(bar, line);
  if (b.threads[m.maker].fenced < m.made) fault(line, "the mbarrier of a bulk copy was initialised without gc_mbarrier_init_fence()");
  l.offset = m.offset;
  l.line = line;
  b.counters.copied += static_cast<unsigned>(l.bytes);
  start_writing(l.to, offset, l.bytes, line);
  if (b.early)
    land(b, l);
  else
    b.loads.push_back(l);
  wait_as(YIELDED, line);
}

void tma_load_bytes(Place to, Place source, int bytes, Place bar, int line) {
  if (bytes % 16 || bytes <= 0 || reinterpret_cast<uint64_t>(source.at) % 16) fault(line, "a bulk copy of %d bytes: addresses and bytes are multiples of 16", bytes);
  if (source.array)
    for (int i = 0; i < bytes; i += 16) check(*source.array, source.at + i, 16, false, PLAIN, line);
  BulkLoad l{};
  l.to = to;
  l.from = source.at;
  l.bytes = bytes;
  start_load(l, 16, bar, line);
}

void tma_load(Place to, Place map, Place bar, std::initializer_list<int> at, int line) {
  BulkLoad l{};
  l.map = tensor_map(map.at, static_cast<int>(at.size()), line);
  l.to = to;
  l.bytes = box_bytes(l.map);
  int d = 0;
  for (int i : at) l.at[d++] = i;
  start_load(l, l.map.swizzle ? 128 << l.map.swizzle : 128, bar, line);
}

void tma_store(Place map, Place from, std::initializer_list<int> at, int line) {
  Block& b = *block;
  BulkStore s{};
  s.map = tensor_map(map.at, static_cast<int>(at.size()), line);
  s.from = from;
  s.group = b.me->bulk_group;
  s.line = line;
  int d = 0, bytes = box_bytes(s.map), alignment = s.map.swizzle ? 128 << s.map.swizzle : 128;
  for (int i : at) s.at[d++] = i;
  int offset = shared_offset(s.from, bytes, "a bulk store", line);
  if (offset % alignment) fault(line, "a bulk store from byte %d of shared memory, which is no multiple of %d", offset, alignment);
  start_reading("a bulk store", offset, bytes, line);
  b.me->stores.push_back(s);
}

// the allocation that has this address
static Array global_array(const char* at, int element) {
  const Device* device = block->device;
  for (int64_t i = 0; device && i < device->count; ++i) {
    const Allocation& a = device->allocations[i];
    if (at >= a.base && at < a.base + a.bytes) return {"global memory, element ", a.base, a.bytes, block->checked ? a.cells : nullptr, element, false};
  }
  return {"", nullptr, 0, nullptr, element, false};
}

static void finish(Block& b, const BulkStore& s) {
  int offset = static_cast<int>(reinterpret_cast<unsigned char*>(s.from.at) - b.shared), element = static_cast<int>(s.map.element);
  Array whole = global_array(s.map.base, element);
  each_row(s.map, s.at, [&](int place, char* to, int begin, int end) {
    for (int i = begin; i < end; ++i) {
      int byte = offset + place + i * element;
      if (whole.base) check(whole, to + i * element, element, true, PLAIN, s.line);
      memcpy(to + i * element, b.shared + swizzled(byte, s.map.swizzle), static_cast<size_t>(element));
    }
  });
  uint64_t time = engine_time(b);
  end_reading(offset, box_bytes(s.map), time);
  if (b.known[b.me->warp].of[ENGINES] < time) b.known[b.me->warp].of[ENGINES] = time;
}

void tma_store_commit() { ++block->me->bulk_group; }

void tma_store_wait(int last, bool, int) {
  Block& b = *block;
  std::vector<BulkStore>& stores = b.me->stores;
  size_t kept = 0;
  for (BulkStore& s : stores)
    if (s.group < b.me->bulk_group - last)
      finish(b, s);
    else
      stores[kept++] = s;
  stores.erase(stores.begin() + static_cast<int64_t>(kept), stores.end());
}

void set_registers(int count, int line) {
  if (count % 8 || count < 24 || count > 256) fault(line, "setmaxnreg: %d is no multiple of 8 from 24 to 256", count);
}

}  // namespace gc_emu
