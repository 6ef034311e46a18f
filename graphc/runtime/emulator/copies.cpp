// cp.async.
#include "copies.hpp"

namespace gc_emu {

[[noreturn]] static void not_shared(const char* what, int line) { fault(line, "%s: the address is not one of shared memory", what); }

int shared_offset(const Place& p, int bytes, const char* what, int line) {
  int64_t offset = reinterpret_cast<unsigned char*>(p.at) - block->shared;
  if (p.array && !p.array->shared) not_shared(what, line);
  if (p.array && (p.at < p.array->base || p.at + bytes > p.array->base + p.array->bytes)) report_bounds(*p.array, p.at - p.array->base, bytes, true, line);
  if (offset < 0 || offset + bytes > block->shared_bytes) not_shared(what, line);
  return static_cast<int>(offset);
}

Array all_shared() {
  Block& b = *block;
  return {"shared memory, byte ", reinterpret_cast<char*>(b.shared), b.shared_bytes, b.checked ? b.shared_cells.data() : nullptr, 1, true};
}

void start_writing(const Place& to, int offset, int bytes, int line) {
  if (!block->checked) return;
  Array all = all_shared();
  const Array& named = to.array ? *to.array : all;
  int64_t base = to.array ? to.at - to.array->base : offset;
  each_cell(all, offset, bytes, [&](Cell& c, unsigned mask, int64_t at) {
    write_cell(*block, c, mask, PLAIN, named, base + at - offset, line);
    c.writer = word(time_of(c.writer), mask, FLYING, static_cast<int>(block->me - block->threads));
  });
}

void end_writing(int offset, int bytes, Kind kind, uint64_t time, int thread) {
  if (!block->checked) return;
  each_cell(all_shared(), offset, bytes, [&](Cell& c, unsigned mask, int64_t) { c.writer = word(time, mask, kind, thread); });
}

void land(Block& b, Copy& c) {
  if (c.inside)
    memcpy(c.to.at, c.from.at, static_cast<size_t>(c.bytes));
  else
    memset(c.to.at, 0, static_cast<size_t>(c.bytes));
  int offset = static_cast<int>(reinterpret_cast<unsigned char*>(c.to.at) - b.shared);
  end_writing(offset, c.bytes, PLAIN, b.now(b.me->warp), static_cast<int>(b.me - b.threads));
}

void cp_async(Place to, Place from, int bytes, bool inside, int line) {
  Block& b = *block;
  Copy c{to, from, bytes, b.me->group, inside, line};
  int offset = shared_offset(c.to, bytes, "cp.async", line);
  if (offset % bytes || (inside && reinterpret_cast<uint64_t>(c.from.at) % static_cast<unsigned>(bytes))) fault(line, "cp.async: an address is no multiple of %d", bytes);
  if (inside && c.from.array) check(*c.from.array, c.from.at, bytes, false, PLAIN, line);
  b.counters.copied += static_cast<unsigned>(bytes);
  start_writing(c.to, offset, bytes, line);
  if (b.early) inside ? memcpy(c.to.at, c.from.at, static_cast<size_t>(bytes)) : memset(c.to.at, 0, static_cast<size_t>(bytes));
  b.me->copies.push_back(c);
}

void cp_async_commit() { ++block->me->group; }

void cp_async_wait(int last, int) {
  Block& b = *block;
  std::vector<Copy>& copies = b.me->copies;
  size_t kept = 0;
  for (Copy& c : copies)
    if (c.group < b.me->group - last)
      land(b, c);
    else
      copies[kept++] = c;
  copies.resize(kept);
}

}  // namespace gc_emu
