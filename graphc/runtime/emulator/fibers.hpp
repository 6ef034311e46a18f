// Stacks that the threads of a block run on. A thread starts on a free stack and gives it back when it ends, so that kernels
// without barriers need one.
#pragma once
#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#if !defined(__x86_64__) && !defined(__aarch64__)
#include <ucontext.h>
#endif

namespace gc_emu {

constexpr size_t STACK_BYTES = 256 << 10, GUARD_BYTES = 16 << 10;

struct Stack {
  char* memory = nullptr;

  char* top() const { return memory + STACK_BYTES; }
  bool make() {  // its last bytes are guarded: who needs more is stopped there
    void* got = mmap(nullptr, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (got == MAP_FAILED) return false;
    memory = static_cast<char*>(got);
    return mprotect(memory, GUARD_BYTES, PROT_NONE) == 0;
  }
};

#if defined(__x86_64__) || defined(__aarch64__)
using Fiber = void*;  // its stack pointer while it waits

extern "C" void gc_emu_switch(Fiber* from, Fiber to);  // core.cpp

inline void go(Fiber& from, Fiber& to) { gc_emu_switch(&from, to); }

inline Fiber begin(const Stack& stack, void (*entry)()) {
#ifdef __x86_64__
  void** top = reinterpret_cast<void**>(stack.top()) - 3;  // where the address to return to would be after a call
  top[0] = top[1] = nullptr;
  void** at = top - 7;  // six registers and the address to return to
  for (int i = 0; i < 6; ++i) at[i] = nullptr;
  at[6] = reinterpret_cast<void*>(entry);
#else
  void** at = reinterpret_cast<void**>(stack.top()) - 20;  // x19 to x30, d8 to d15
  for (int i = 0; i < 20; ++i) at[i] = nullptr;
  at[11] = reinterpret_cast<void*>(entry);  // x30, which ret goes to
#endif
  return at;
}
#else
using Fiber = ucontext_t;

inline void go(Fiber& from, Fiber& to) { swapcontext(&from, &to); }

inline Fiber begin(const Stack& stack, void (*entry)()) {
  ucontext_t fiber;
  getcontext(&fiber);
  fiber.uc_stack.ss_sp = stack.memory;
  fiber.uc_stack.ss_size = STACK_BYTES;
  fiber.uc_link = nullptr;
  makecontext(&fiber, entry, 0);
  return fiber;
}
#endif

}  // namespace gc_emu
