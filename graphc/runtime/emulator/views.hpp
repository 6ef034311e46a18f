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

bool ordered(const Block& b, Word w);  // whether an access came before what the running thread does

// A read of some bytes of a cell.
void read_cell(Block& b, Cell& c, unsigned mask, Kind kind, const Array& a, int64_t offset, int line);

// A write; ATOMIC ones do not disturb each other.
void write_cell(Block& b, Cell& c, unsigned mask, Kind kind, const Array& a, int64_t offset, int line);

template <class F> inline void each_cell(const Array& a, int64_t offset, int bytes, F visit) {
  Cell* c = a.cells + (offset >> 2);
  for (int64_t at = offset; at < offset + bytes; ++c) {
    int64_t end = (at | 3) + 1 < offset + bytes ? (at | 3) + 1 : offset + bytes;
    visit(*c, ((1u << (end - at)) - 1) << (at & 3), at);
    at = end;
  }
}

// --- bounds --------------------------------------------------------------------------------------------------------------------

[[noreturn]] void report_bounds(const Array& a, int64_t offset, int bytes, bool writes, int line);

// Everything that is checked of an access of `bytes` bytes at once, which are aligned to that where they are one access.
void check(const Array& a, const char* at, int bytes, bool writes, Kind kind, int line);

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

// Part of an array that a thread keeps to itself.
template <class T> struct gc_own_part {
  T* base;
  long long begin, count;
  operator T*() const { return base + begin; }
  gc_own_part operator+(long long i) const { return {base, begin + i, count}; }
};

// An array that a thread keeps to itself: gc_own<float, 16> sums;
template <class T, int N> struct gc_own {
  T values[N];
  T& operator[](gc_index i) { return values[gc_emu::checked_index(i, N)]; }
  const T& operator[](gc_index i) const { return values[gc_emu::checked_index(i, N)]; }
  gc_own_part<T> operator+(long long i) { return {values, i, N}; }
  template <class P, class = std::enable_if_t<std::is_same_v<P, T*> || std::is_same_v<P, const T*>>> operator P() { return values; }  // no template: x[i] would be two things
};

namespace gc_emu {
// The address of so many values that a thread keeps to itself.
template <class T> inline T* own(const T* p, int, int) { return const_cast<T*>(p); }
template <class T> inline T* own(const gc_own_part<T>& p, int count, int line) {
  if (p.begin < 0 || p.begin + count > p.count)
    fault(line, "elements %lld to %lld of %lld values of the thread: out of bounds", p.begin, p.begin + count - 1, p.count);
  return p.base + p.begin;
}
template <class T, int N> inline T* own(const gc_own<T, N>& p, int count, int line) {
  return own(gc_own_part<T>{const_cast<T*>(p.values), 0, N}, count, line);
}
}  // namespace gc_emu

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
