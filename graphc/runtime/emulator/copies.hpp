// cp.async: the bytes land when the thread waits for them, and not before.
#pragma once
#include "builtins.hpp"

namespace gc_emu {

[[noreturn]] inline void not_shared(const char* what, int line) { fault(line, "%s: the address is not one of shared memory", what); }

inline int shared_offset(const Place& p, int bytes, const char* what, int line) {
  int64_t offset = reinterpret_cast<unsigned char*>(p.at) - block->shared;
  if (offset < 0 || offset + bytes > block->shared_bytes) {
    if (p.array && p.array->shared) report_bounds(*p.array, p.at - p.array->base, bytes, true, line);
    not_shared(what, line);
  }
  return static_cast<int>(offset);
}

// Shared memory as an engine touches it: by address alone.
inline Array all_shared() {
  Block& b = *block;
  return {"shared memory, byte ", reinterpret_cast<char*>(b.shared), b.shared_bytes, b.checked ? b.shared_cells.data() : nullptr, 1, true};
}

// Bytes that something in flight is going to write: whoever touches them before it has landed is reported.
inline void start_writing(const Place& to, int offset, int bytes, int line) {
  if (!block->checked) return;
  Array all = all_shared();
  const Array& named = to.array ? *to.array : all;
  int64_t base = to.array ? to.at - to.array->base : offset;
  each_cell(all, offset, bytes, [&](Cell& c, unsigned mask, int64_t at) {
    write_cell(*block, c, mask, PLAIN, named, base + at - offset, line);
    c.writer = word(time_of(c.writer), mask, FLYING, static_cast<int>(block->me - block->threads));
  });
}

// They have landed; `kind` and `time` say who is to be told that.
inline void end_writing(int offset, int bytes, Kind kind, uint64_t time, int thread) {
  if (!block->checked) return;
  each_cell(all_shared(), offset, bytes, [&](Cell& c, unsigned mask, int64_t) { c.writer = word(time, mask, kind, thread); });
}

inline void land(Block& b, Copy& c) {
  if (c.inside)
    memcpy(c.to.at, c.from.at, static_cast<size_t>(c.bytes));
  else
    memset(c.to.at, 0, static_cast<size_t>(c.bytes));
  int offset = static_cast<int>(reinterpret_cast<unsigned char*>(c.to.at) - b.shared);
  end_writing(offset, c.bytes, PLAIN, b.now(b.me->warp), static_cast<int>(b.me - b.threads));
}

template <int BYTES, class D, class S> inline void cp_async(const D& to, const S& from, bool inside, int line) {
  Block& b = *block;
  Copy c{place(to), place(from), BYTES, b.me->group, inside, line};
  int offset = shared_offset(c.to, BYTES, "cp.async", line);
  if (offset % BYTES || (inside && reinterpret_cast<uint64_t>(c.from.at) % BYTES)) fault(line, "cp.async: an address is no multiple of %d", BYTES);
  if (c.to.array) {
    int64_t at = c.to.at - c.to.array->base;
    if (at < 0 || at + BYTES > c.to.array->bytes) report_bounds(*c.to.array, at, BYTES, true, line);
  }
  if (inside && c.from.array) check(*c.from.array, c.from.at, BYTES, false, PLAIN, line);
  b.counters.copied += BYTES;
  start_writing(c.to, offset, BYTES, line);
  if (b.early) inside ? memcpy(c.to.at, c.from.at, BYTES) : memset(c.to.at, 0, BYTES);
  b.me->copies.push_back(c);
}

inline void cp_async_commit() { ++block->me->group; }

inline void cp_async_wait(int last, int) {
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
