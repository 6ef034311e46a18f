// What is looked at when memory is read or written.
#include "views.hpp"

namespace gc_emu {

bool ordered(const Block& b, Word w) {
  uint64_t time = time_of(w);
  if (time < b.launch_time) return true;
  if (time < b.time) return false;  // another block of this launch
  int actor = actor_of(w), mine = b.me->warp;
  if (actor != mine) return time <= b.known[mine].of[actor];
  return b.threads + thread_of(w) == b.me || time < b.known[mine].of[mine];
}

static void describe(const Block& b, Word w, char* out, size_t room) {
  if (time_of(w) < b.time) {
    snprintf(out, room, "another block");
  } else if (kind_of(w) >= FLYING) {
    snprintf(out, room, "a copy or product in flight");
  } else {
    snprintf(out, room, "thread %d", thread_of(w));
  }
}

[[noreturn]] static void report_race(const Array& a, int64_t offset, Word other, bool wrote, bool writes, int line) {
  char who[64];
  describe(*block, other, who, sizeof who);
  long long index = static_cast<long long>(offset / a.element);
  if (kind_of(other) == FLYING) {
    fault(line, "%s[%lld] is %s while %s %s it; nothing waited for that", a.name, index, writes ? "written" : "read", who,
          wrote ? "writes" : "reads");
  }
  bool another = time_of(other) < block->time;
  fault(line, "race: %s[%lld] is %s here and was %s by %s%s", a.name, index, writes ? "written" : "read", wrote ? "written" : "read", who,
        another ? "; blocks run in any order" : ", with no barrier between");
}

static bool same_access(Word w, uint64_t time, Kind kind, int thread) { return time_of(w) == time && kind_of(w) == kind && thread_of(w) == thread; }

void read_cell(Block& b, Cell& c, unsigned mask, Kind kind, const Array& a, int64_t offset, int line) {
  Word w = c.writer;
  int thread = static_cast<int>(b.me - b.threads);
  if (mask_of(w) & mask) {
    if (kind_of(w) == FLYING && time_of(w) >= b.time) report_race(a, offset, w, true, false, line);
    if (!ordered(b, w)) {
      if (a.shared && time_of(w) < b.time) fault(line, "%s[%lld] is read and was not written in this block", a.name, static_cast<long long>(offset / a.element));
      report_race(a, offset, w, true, false, line);
    }
  }
  if (a.shared && time_of(w) < b.time)
    fault(line, "%s[%lld] is read and was not written in this block", a.name, static_cast<long long>(offset / a.element));
  uint64_t time = b.now(b.me->warp);
  if (same_access(c.reader, time, kind, thread)) {
    c.reader |= static_cast<Word>(mask) << 12;
    return;
  }
  if (actor_of(c.reader) != b.me->warp && time_of(c.reader) >= b.launch_time) c.other = c.reader;
  c.reader = word(time, mask, kind, thread);
}

void write_cell(Block& b, Cell& c, unsigned mask, Kind kind, const Array& a, int64_t offset, int line) {
  for (Word w : {c.writer, c.reader, c.other}) {
    if (!(mask_of(w) & mask) || time_of(w) < b.launch_time || (a.shared && time_of(w) < b.time)) continue;
    if (kind_of(w) == FLYING ? true : !ordered(b, w)) {
      if (kind == ATOMIC && kind_of(w) == ATOMIC) continue;
      report_race(a, offset, w, w == c.writer, true, line);
    }
  }
  uint64_t time = b.now(b.me->warp);
  int thread = static_cast<int>(b.me - b.threads);
  c.writer = word(time, mask, kind, thread) | (same_access(c.writer, time, kind, thread) ? c.writer & 0xf000 : 0);
}

void report_bounds(const Array& a, int64_t offset, int bytes, bool writes, int line) {
  long long index = static_cast<long long>(offset >= 0 ? offset / a.element : -((-offset + a.element - 1) / a.element));
  long long elements = static_cast<long long>(a.bytes / a.element);
  if (bytes != a.element)
    fault(line, "%s[%lld] to [%lld] of an array of %lld elements are %s: out of bounds", a.name, index, index + bytes / a.element - 1, elements,
          writes ? "written" : "read");
  fault(line, "%s[%lld] of an array of %lld elements is %s: out of bounds", a.name, index, elements, writes ? "written" : "read");
}

void check(const Array& a, const char* at, int bytes, bool writes, Kind kind, int line) {
  Block& b = *block;
  int64_t offset = at - a.base;
  if (offset < 0 || offset + bytes > a.bytes) report_bounds(a, offset, bytes, writes, line);
  unsigned together = static_cast<unsigned>(bytes < 16 ? bytes : 16);
  if (reinterpret_cast<uint64_t>(at) % together)
    fault(line, "%s[%lld]: %u bytes are accessed at once at an address that is no multiple of that", a.name, static_cast<long long>(offset / a.element), together);
  (a.shared ? writes ? b.counters.shared_written : b.counters.shared_read : writes ? b.counters.global_written : b.counters.global_read) += static_cast<unsigned>(bytes);
  if (!a.cells) return;
  if (writes)
    each_cell(a, offset, bytes, [&](Cell& c, unsigned mask, int64_t at) { write_cell(b, c, mask, kind, a, at, line); });
  else
    each_cell(a, offset, bytes, [&](Cell& c, unsigned mask, int64_t at) { read_cell(b, c, mask, kind, a, at, line); });
}

}  // namespace gc_emu
