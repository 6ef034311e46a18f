// From packed arguments to the calls of a kernel's threads, block after block.
#pragma once
#include <utility>

#include "warpgroups.hpp"

namespace gc_emu {

template <class T> struct Argument {  // as many words of 8 bytes as it fills
  static constexpr bool checked = false;
  static constexpr int words = (sizeof(T) + 7) / 8, alignment = (alignof(T) + 7) / 8;
  static T make(const uint64_t* bits, Array&) {
    T value;
    memcpy(&value, bits, sizeof value);
    return value;
  }
};
template <class T> struct Argument<View<T>> {
  static constexpr bool checked = true;
  static constexpr int words = 1, alignment = 1;
  static View<T> make(const uint64_t* bits, Array& array) { return {reinterpret_cast<T*>(*bits), &array}; }
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
  int words, alignment;
};

// Where the packed argument of parameter `i` begins; behind the last, how many words there are.
constexpr int place(const Parameter* parameters, int i) {
  int at = 0;
  for (int k = 0;; ++k) {
    if (k == i && !parameters[k].words) return at;
    at = (at + parameters[k].alignment - 1) / parameters[k].alignment * parameters[k].alignment;
    if (k == i) return at;
    at += parameters[k].words;
  }
}

struct Kernel {
  const char* name;
  int most_threads, words, count;  // words: of packed arguments; count: of parameters
  const char* const* names;        // of the parameters
  const Parameter* parameters;
  void (*body)();
};

template <auto F> struct Caller;
template <class... A, void (*F)(A...)> struct Caller<F> {
  static constexpr int count = sizeof...(A);
  static constexpr Parameter parameters[count + 1] = {{Pointee<A>::element, Pointee<A>::is_const, Argument<A>::checked, Argument<A>::words, Argument<A>::alignment}...};
  static constexpr int words = place(parameters, count);
  template <size_t... I> static void call(std::index_sequence<I...>) {
    F(Argument<A>::make(block->arguments + place(parameters, I), block->arrays[I])...);
  }
  static void body() { call(std::index_sequence_for<A...>()); }
};

// Runs one launch to its end; see entry.hpp.
int launch(const Kernel* kernels, int known, const char* name, int grid, int threads, int shared, const uint64_t* arguments, int count,
           const int64_t* sizes, int size_count, Device* device, Counters* counters, char* error, int room);

}  // namespace gc_emu
