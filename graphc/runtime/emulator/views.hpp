// Pointers that know what they point into. Text that is compiled to be checked has gc_global<T> in place of T* among the
// parameters of its kernels, and gc_local_view<T> for arrays of shared memory; all else in it stays as it is.
#pragma once
#include <type_traits>

#include "block.hpp"

// An index, and the line where it was written.
struct gc_index {
  long long value;
  int line;
  template <class I, class = std::enable_if_t<std::is_integral_v<I>>>
  gc_index(I i, int line = __builtin_LINE()) : value(static_cast<long long>(i)), line(line) {}
};

namespace gc_emu {

// --- races ---------------------------------------------------------------------------------------------------------------------

inline bool ordered(const Block& b, Word w) {  // whether an access came before what the running thread does
  uint64_t time = time_of(w);
  if (time < b.launch_time) return true;
  if (time < b.time) return false;  // another block of this launch
  int actor = actor_of(w), mine = b.me->warp;
  if (actor != mine) return time <= b.known[mine].of[actor];
  return b.threads + thread_of(w) == b.me || time < b.known[mine].of[mine];
}

inline void describe(const Block& b, Word w, char* out, size_t room) {
  if (time_of(w) < b.time) {
    snprintf(out, room, "another block");
  } else if (kind_of(w) >= FLYING) {
    snprintf(out, room, "a copy or product in flight");
  } else {
    snprintf(out, room, "thread %d", thread_of(w));
  }
}

[[noreturn]] inline void report_race(const Array& a, int64_t offset, Word other, bool wrote, bool writes, int line) {
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

inline bool same_access(Word w, uint64_t time, Kind kind, int thread) { return time_of(w) == time && kind_of(w) == kind && thread_of(w) == thread; }

// A read of some bytes of a cell.
inline void read_cell(Block& b, Cell& c, unsigned mask, Kind kind, const Array& a, int64_t offset, int line) {
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

// A write; ATOMIC ones do not disturb each other.
inline void write_cell(Block& b, Cell& c, unsigned mask, Kind kind, const Array& a, int64_t offset, int line) {
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

template <class F> inline void each_cell(const Array& a, int64_t offset, int bytes, F visit) {
  Cell* c = a.cells + (offset >> 2);
  for (int64_t at = offset; at < offset + bytes; ++c) {
    int64_t end = (at | 3) + 1 < offset + bytes ? (at | 3) + 1 : offset + bytes;
    visit(*c, ((1u << (end - at)) - 1) << (at & 3), at);
    at = end;
  }
}

// --- bounds --------------------------------------------------------------------------------------------------------------------

[[noreturn]] inline void report_bounds(const Array& a, int64_t offset, int bytes, bool writes, int line) {
  long long index = static_cast<long long>(offset >= 0 ? offset / a.element : -((-offset + a.element - 1) / a.element));
  long long elements = static_cast<long long>(a.bytes / a.element);
  if (bytes != a.element)
    fault(line, "%s[%lld] to [%lld] of an array of %lld elements are %s: out of bounds", a.name, index, index + bytes / a.element - 1, elements,
          writes ? "written" : "read");
  fault(line, "%s[%lld] of an array of %lld elements is %s: out of bounds", a.name, index, elements, writes ? "written" : "read");
}

// Everything that is checked of an access of `bytes` bytes at once, which are aligned to that where they are one access.
inline void check(const Array& a, const char* at, int bytes, bool writes, Kind kind, int line) {
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

inline long long checked_index(gc_index i, long long count) {  // of an array that a thread keeps to itself
  if (i.value < 0 || i.value >= count) fault(i.line, "element %lld of %lld values of the thread: out of bounds", i.value, count);
  return i.value;
}

// --- pointers ------------------------------------------------------------------------------------------------------------------

template <class T> struct View;

// An element that is about to be read or written.
template <class T> struct Element {
  T* at;
  const Array* array;
  int line;

  operator T() const {
    check(*array, reinterpret_cast<const char*>(at), sizeof(T), false, PLAIN, line);
    return *at;
  }
  const Element& operator=(T value) const {
    check(*array, reinterpret_cast<const char*>(at), sizeof(T), true, PLAIN, line);
    *at = value;
    return *this;
  }
  const Element& operator=(const Element& other) const { return *this = static_cast<T>(other); }
  const Element& operator+=(T value) const { return *this = static_cast<T>(static_cast<T>(*this) + value); }
  const Element& operator-=(T value) const { return *this = static_cast<T>(static_cast<T>(*this) - value); }
  const Element& operator*=(T value) const { return *this = static_cast<T>(static_cast<T>(*this) * value); }
  View<T> operator&() const { return View<T>{at, array}; }
};

template <class T> struct View {
  T* at = nullptr;
  const Array* array = nullptr;

  auto operator[](gc_index i) const {
    if constexpr (std::is_const_v<T>) {
      T* p = at + i.value;
      check(*array, reinterpret_cast<const char*>(p), sizeof(T), false, PLAIN, i.line);
      return *p;
    } else {
      return Element<T>{at + i.value, array, i.line};
    }
  }
  View operator+(long long i) const { return View{at + i, array}; }
  View operator-(long long i) const { return View{at - i, array}; }
  operator View<const T>() const { return View<const T>{at, array}; }
};

template <class T> inline Place place(T* p) { return Place{reinterpret_cast<char*>(const_cast<std::remove_cv_t<T>*>(p)), nullptr}; }
template <class T> inline Place place(const View<T>& v) { return Place{reinterpret_cast<char*>(const_cast<std::remove_cv_t<T>*>(v.at)), v.array}; }

// N neighbouring elements as one access.
template <int N, class T> inline void load(const T* p, long long i, std::remove_cv_t<T>* out, int = 0) { memcpy(out, p + i, N * sizeof(T)); }
template <int N, class T> inline void store(T* p, long long i, const T* values, int = 0) { memcpy(p + i, values, N * sizeof(T)); }
template <int N, class T> inline void load(const View<T>& v, long long i, std::remove_cv_t<T>* out, int line = __builtin_LINE()) {
  check(*v.array, reinterpret_cast<const char*>(v.at + i), N * sizeof(T), false, PLAIN, line);
  memcpy(out, v.at + i, N * sizeof(T));
}
template <int N, class T> inline void store(const View<T>& v, long long i, const T* values, int line = __builtin_LINE()) {
  check(*v.array, reinterpret_cast<const char*>(v.at + i), N * sizeof(T), true, PLAIN, line);
  memcpy(v.at + i, values, N * sizeof(T));
}

}  // namespace gc_emu

template <class T> using gc_global = gc_emu::View<T>;

// An array in shared memory: gc_local_view<float> tile(gc_shared + 1024, 2048, "tile").
template <class T> struct gc_local_view {
  gc_emu::Array array;

  gc_local_view(unsigned char* bytes, long long elements, const char* name, int line = __builtin_LINE()) {
    gc_emu::Block& b = *gc_emu::block;
    int64_t offset = bytes - b.shared, size = elements * static_cast<int64_t>(sizeof(T));
    if (offset < 0 || offset + size > b.shared_bytes)
      gc_emu::fault(line, "shared array %s ends at byte %lld; the block was launched with %d", name, static_cast<long long>(offset + size), b.shared_bytes);
    if (offset % static_cast<int64_t>(sizeof(T) < 4 ? 4 : sizeof(T)))
      gc_emu::fault(line, "shared array %s begins at byte %lld, which is not aligned", name, static_cast<long long>(offset));
    array = {name, reinterpret_cast<char*>(bytes), size, b.shared_cells.data() + offset / 4, sizeof(T), true};
  }
  gc_local_view(const gc_local_view&) = delete;
  gc_emu::View<T> view() const { return {reinterpret_cast<T*>(array.base), &array}; }
  auto operator[](gc_index i) const { return view()[i]; }
  gc_emu::View<T> operator+(long long i) const { return view() + i; }
  operator gc_emu::View<T>() const { return view(); }
  operator gc_emu::View<const T>() const { return view(); }
};

namespace gc_emu {
template <class T> inline Place place(const gc_local_view<T>& v) { return place(v.view()); }
template <int N, class T> inline void load(const gc_local_view<T>& v, long long i, T* out, int line = __builtin_LINE()) { load<N>(v.view(), i, out, line); }
template <int N, class T> inline void store(const gc_local_view<T>& v, long long i, const T* values, int line = __builtin_LINE()) { store<N>(v.view(), i, values, line); }
}  // namespace gc_emu
