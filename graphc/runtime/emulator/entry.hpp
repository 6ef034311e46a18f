// What a module has once, after its text: the switch between stacks, its table of kernels (build.py writes GC_KERNELS), and
// the functions by which it is called.
namespace gc_emu {
thread_local uint64_t own_time = 1;
}

#if defined(__x86_64__)
asm(R"(
.text
.p2align 4
.type gc_emu_switch,@function
gc_emu_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size gc_emu_switch,.-gc_emu_switch
)");
#elif defined(__aarch64__)
asm(R"(
.text
.p2align 4
.type gc_emu_switch,%function
gc_emu_switch:
  sub sp, sp, #160
  stp x19, x20, [sp, #0]
  stp x21, x22, [sp, #16]
  stp x23, x24, [sp, #32]
  stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]
  stp x29, x30, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x9, sp
  str x9, [x0]
  mov sp, x1
  ldp x19, x20, [sp, #0]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret
.size gc_emu_switch,.-gc_emu_switch
)");
#endif

constexpr int GC_MOST_SHARED = 227 << 10;
__thread unsigned char gc_shared[GC_MOST_SHARED + 64] __attribute__((aligned(1024)));

// An index into an array of a thread that is beyond it (compiled with -fsanitize=bounds-strict).
struct GcSite {
  const char* file;
  unsigned line, column;
};
static void gc_out_of_bounds(const GcSite* at, uint64_t index) {
  gc_emu::fault(static_cast<int>(at->line), "element %lld of an array of the thread: out of bounds", static_cast<long long>(index));
}
extern "C" void __ubsan_handle_out_of_bounds(void* data, void* index) {
  gc_out_of_bounds(static_cast<const GcSite*>(data), reinterpret_cast<uint64_t>(index));
}
extern "C" void __ubsan_handle_out_of_bounds_abort(void* data, void* index) {
  gc_out_of_bounds(static_cast<const GcSite*>(data), reinterpret_cast<uint64_t>(index));
}

static const gc_emu::Kernel gc_kernels[] = {GC_KERNELS};

extern "C" __attribute__((visibility("default"))) int gc_emulated_kernels() { return static_cast<int>(sizeof gc_kernels / sizeof *gc_kernels); }

extern "C" __attribute__((visibility("default"))) const gc_emu::Kernel* gc_emulated_kernel(int i) { return gc_kernels + i; }

// Runs one launch to its end. `sizes`: bytes of its arrays, in their order; `device` may be null: then no access is checked.
// Returns 0, or 1 and what happened in `error`; "line N: " in it speaks of the module's text.
extern "C" __attribute__((visibility("default"))) int gc_emulated_launch(
    const char* name, int grid, int threads, int shared, const uint64_t* arguments, int count, const int64_t* sizes, int size_count,
    gc_emu::Device* device, gc_emu::Counters* counters, char* error, int room) {
  using namespace gc_emu;
  const Kernel* kernel = nullptr;
  for (const Kernel& k : gc_kernels)
    if (!strcmp(k.name, name)) kernel = &k;
  const size_t space = static_cast<size_t>(room);
  error[0] = 0;
  if (!kernel) return snprintf(error, space, "there is no kernel %s", name), 1;
  if (count != kernel->count) return snprintf(error, space, "kernel %s takes %d arguments, not %d", name, kernel->count, count), 1;
  if (threads < 1 || threads > kernel->most_threads)
    return snprintf(error, space, "kernel %s was compiled for %d threads of a block, and launched with %d", name, kernel->most_threads, threads), 1;
  if (grid < 1) return snprintf(error, space, "kernel %s was launched with %d blocks", name, grid), 1;
  if (shared < 0 || shared > GC_MOST_SHARED) return snprintf(error, space, "kernel %s was launched with %d bytes of shared memory; a block has %d", name, shared, GC_MOST_SHARED), 1;
  Request_ request{kernel, grid, threads, shared, arguments, sizes, size_count, device};
  bool checked = false;
  for (int i = 0; i < count; ++i) checked |= kernel->parameters[i].checked;
  const int workers = device && !checked ? std::min<int>(device->workers, grid) : 1;
  std::atomic<int> next{0};
  std::atomic<bool> stop{false};
  uint64_t time = device ? device->time + 1 : own_time + 1;
  std::vector<Counters> counted(static_cast<size_t>(workers < 1 ? 1 : workers));
  std::vector<std::thread> others;
  for (int i = 1; i < workers; ++i)
    others.emplace_back([&, i] {
      uint64_t mine = time;
      run_blocks(request, next, stop, counted[static_cast<size_t>(i)], mine, gc_shared, error, space);
    });
  uint64_t end = time;
  run_blocks(request, next, stop, counted[0], end, gc_shared, error, space);
  for (std::thread& t : others) t.join();
  (device ? device->time : own_time) = end + 1;
  if (counters) {
    *counters = Counters{};
    for (const Counters& c : counted)
      for (size_t i = 0; i < sizeof c / 8; ++i) reinterpret_cast<uint64_t*>(counters)[i] += reinterpret_cast<const uint64_t*>(&c)[i];
  }
  return stop ? 1 : 0;
}
