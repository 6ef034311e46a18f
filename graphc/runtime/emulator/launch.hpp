// From packed arguments to the calls of a kernel's threads, block after block.
#pragma once
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
    F(Argument<A>::make(block->arguments[I], block->arrays[I])...);
  }
  static void body() { call(std::index_sequence_for<A...>()); }
};

// Runs one launch to its end; see entry.hpp.
int launch(const Kernel* kernels, int known, const char* name, int grid, int threads, int shared, const uint64_t* arguments, int count,
           const int64_t* sizes, int size_count, Device* device, Counters* counters, char* error, int room);

}  // namespace gc_emu
