// The engines of sm_90a: barriers in shared memory, the copy engine (TMA), tensor cores by warpgroups (wgmma).
// Barriers are u64 words of shared memory. One thread calls, unless it says otherwise.
//   gc_mbarrier_init(bar, count)          a phase ends after `count` arrivals and all expected bytes
//   gc_mbarrier_init_fence()              by who initialised, before the __syncthreads() that precedes any use
//   gc_mbarrier_arrive(bar), gc_mbarrier_expect(bar, bytes)     one arrival; the second also announces bytes of copies
//   gc_mbarrier_wait(bar, parity)         until the phase of this parity (0 for the first) has ended; by all who go on
//   gc_tma_load_1d(to, from, bytes, bar)  bytes, addresses: multiples of 16
//   gc_tma_load_2d/3d/4d(to, map, bar, x, y ...)   the box at (x, y ...), innermost dimension first; zeros outside. `map` is the
//                                         address of a tensor map (Device.tensor_map): of a parameter `const __grid_constant__
//                                         gc_tensor_map`, or in global memory; `to` is 128-byte aligned (1024 for the swizzle)
//   gc_tma_store_2d/3d/4d(map, from, x, y ...), gc_tma_store_commit(), gc_tma_store_read_wait<N>() (memory may be written again),
//   gc_tma_store_wait<N>() (done)
//   gc_fence_async()                      by each thread that wrote shared memory which TMA or wgmma read next, before the barrier
//   gc_named_barrier<ID>(threads)         a barrier of so many threads (whole warps); ID 1 to 15
//   gc_registers_more<N>(), gc_registers_fewer<N>()   setmaxnreg, by whole warpgroups
// By whole warpgroups (128 threads, the first a multiple of 128):
//   gc_wgmma_tile(p)                      descriptor of a tile whose rows are 64 16-bit (32 tf32) values along k, swizzled by 128 bytes;
//                                         p: its first row (1024-byte aligned) + a multiple of 32 bytes that steps along k
//   gc_wgmma_tile_turned(p, leading)      the same of a tile whose rows are 64 values along m or n, a row for each k; `leading` bytes
//                                         lie between one such tile and that of the next 64; one step of k16 is 2048 bytes
//   gc_wgmma_fence()                      before the first product, and after registers that it uses were touched
//   gc_wgmma_f16/bf16<N, TA, TB>(d, a, b, add)      d[N / 2] (+)= A (64 x 16) B (16 x N) from descriptors; TA, TB: 1 where turned
//   gc_wgmma_f16/bf16_registers<N, TB>(d, a, b, add)   A from registers a[4], laid out as for mma_m16n8k16, 16 rows a warp
//   gc_wgmma_tf32<N>(d, a, b, add)        A (64 x 8) B (8 x N)
//   gc_wgmma_commit(), gc_wgmma_wait<N>() all groups but the N last ones are done; d may not be touched before
// d: with g = t % 32 / 4, c = 2 (t % 4), warp w: d[4 j + 0, 1] is row 16 w + g, columns 8 j + c and + 1; d[4 j + 2, 3] is row 16 w + g + 8.
struct gc_tensor_map { alignas(64) unsigned long long words[16]; };
#ifdef GC_EMULATE
template <class B> inline void gc_mbarrier_init(const B& bar, int count, int line = __builtin_LINE()) { gc_emu::mbarrier_init(bar, count, line); }
inline void gc_mbarrier_init_fence() { gc_emu::fence_async(); }
template <class B> inline void gc_mbarrier_arrive(const B& bar, int line = __builtin_LINE()) { gc_emu::mbarrier_arrive(bar, 0, line); }
template <class B> inline void gc_mbarrier_expect(const B& bar, int bytes, int line = __builtin_LINE()) { gc_emu::mbarrier_arrive(bar, bytes, line); }
template <class B> inline void gc_mbarrier_wait(const B& bar, int parity, int line = __builtin_LINE()) { gc_emu::mbarrier_wait(bar, parity, line); }
template <class D, class S, class B> inline void gc_tma_load_1d(const D& to, const S& from, int bytes, const B& bar, int line = __builtin_LINE()) { gc_emu::tma_load_bytes(to, from, bytes, bar, line); }
template <class D, class M, class B> inline void gc_tma_load_2d(const D& to, const M& map, const B& bar, int x, int y, int line = __builtin_LINE()) { gc_emu::tma_load(to, map, bar, {x, y}, line); }
template <class D, class M, class B> inline void gc_tma_load_3d(const D& to, const M& map, const B& bar, int x, int y, int z, int line = __builtin_LINE()) { gc_emu::tma_load(to, map, bar, {x, y, z}, line); }
template <class D, class M, class B> inline void gc_tma_load_4d(const D& to, const M& map, const B& bar, int x, int y, int z, int w, int line = __builtin_LINE()) { gc_emu::tma_load(to, map, bar, {x, y, z, w}, line); }
template <class M, class S> inline void gc_tma_store_2d(const M& map, const S& from, int x, int y, int line = __builtin_LINE()) { gc_emu::tma_store(map, from, {x, y}, line); }
template <class M, class S> inline void gc_tma_store_3d(const M& map, const S& from, int x, int y, int z, int line = __builtin_LINE()) { gc_emu::tma_store(map, from, {x, y, z}, line); }
template <class M, class S> inline void gc_tma_store_4d(const M& map, const S& from, int x, int y, int z, int w, int line = __builtin_LINE()) { gc_emu::tma_store(map, from, {x, y, z, w}, line); }
inline void gc_tma_store_commit() { gc_emu::tma_store_commit(); }
template <int N> inline void gc_tma_store_read_wait(int line = __builtin_LINE()) { gc_emu::tma_store_wait(N, true, line); }
template <int N> inline void gc_tma_store_wait(int line = __builtin_LINE()) { gc_emu::tma_store_wait(N, false, line); }
inline void gc_fence_async() { gc_emu::fence_async(); }
template <int ID> inline void gc_named_barrier(int threads, int line = __builtin_LINE()) { gc_emu::named_barrier(ID, threads, line); }
template <int N> inline void gc_registers_more(int line = __builtin_LINE()) { gc_emu::set_registers(N, line); }
template <int N> inline void gc_registers_fewer(int line = __builtin_LINE()) { gc_emu::set_registers(N, line); }
template <class P> inline unsigned long long gc_wgmma_tile(const P& p, int line = __builtin_LINE()) { return gc_emu::wgmma_tile(p, 16, line); }
template <class P> inline unsigned long long gc_wgmma_tile_turned(const P& p, int leading, int line = __builtin_LINE()) { return gc_emu::wgmma_tile(p, leading, line); }
inline void gc_wgmma_fence(int line = __builtin_LINE()) { gc_emu::wgmma_fence(line); }
inline void gc_wgmma_commit(int line = __builtin_LINE()) { gc_emu::wgmma_commit(line); }
template <int N> inline void gc_wgmma_wait(int line = __builtin_LINE()) { gc_emu::wgmma_wait(N, line); }
template <int N, int TA = 0, int TB = 0, class D> inline void gc_wgmma_f16(const D& d, unsigned long long a, unsigned long long b, bool add, int line = __builtin_LINE()) { gc_emu::wgmma(gc_emu::own(d, N / 2, line), N, a, nullptr, b, add, TA, TB, gc_emu::F16, line); }
template <int N, int TA = 0, int TB = 0, class D> inline void gc_wgmma_bf16(const D& d, unsigned long long a, unsigned long long b, bool add, int line = __builtin_LINE()) { gc_emu::wgmma(gc_emu::own(d, N / 2, line), N, a, nullptr, b, add, TA, TB, gc_emu::BF16, line); }
template <int N, class D> inline void gc_wgmma_tf32(const D& d, unsigned long long a, unsigned long long b, bool add, int line = __builtin_LINE()) { gc_emu::wgmma(gc_emu::own(d, N / 2, line), N, a, nullptr, b, add, 0, 0, gc_emu::TF32, line); }
template <int N, int TB = 0, class D, class A> inline void gc_wgmma_f16_registers(const D& d, const A& a, unsigned long long b, bool add, int line = __builtin_LINE()) { gc_emu::wgmma(gc_emu::own(d, N / 2, line), N, 0, gc_emu::own(a, 4, line), b, add, 0, TB, gc_emu::F16, line); }
template <int N, int TB = 0, class D, class A> inline void gc_wgmma_bf16_registers(const D& d, const A& a, unsigned long long b, bool add, int line = __builtin_LINE()) { gc_emu::wgmma(gc_emu::own(d, N / 2, line), N, 0, gc_emu::own(a, 4, line), b, add, 0, TB, gc_emu::BF16, line); }
#else
__device__ __forceinline__ unsigned gc_hopper_shared(const void* p) { return static_cast<unsigned>(__cvta_generic_to_shared(p)); }
__device__ __forceinline__ void gc_mbarrier_init(unsigned long long* bar, int count) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(gc_hopper_shared(bar)), "r"(count) : "memory");
}
__device__ __forceinline__ void gc_mbarrier_init_fence() {
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}
__device__ __forceinline__ void gc_mbarrier_arrive(unsigned long long* bar) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(gc_hopper_shared(bar)) : "memory");
}
__device__ __forceinline__ void gc_mbarrier_expect(unsigned long long* bar, int bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(gc_hopper_shared(bar)), "r"(bytes) : "memory");
}
__device__ __forceinline__ void gc_mbarrier_wait(unsigned long long* bar, int parity) {
  unsigned done = 0;
  while (!done)
    asm volatile("{\n.reg .pred p;\nmbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\nselp.u32 %0, 1, 0, p;\n}"
                 : "=r"(done) : "r"(gc_hopper_shared(bar)), "r"(parity) : "memory");
}
__device__ __forceinline__ void gc_tma_load_1d(void* to, const void* from, int bytes, unsigned long long* bar) {
  asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];"
               ::"r"(gc_hopper_shared(to)), "l"(from), "r"(bytes), "r"(gc_hopper_shared(bar)) : "memory");
}
__device__ __forceinline__ void gc_tma_load_2d(void* to, const void* map, unsigned long long* bar, int x, int y) {
  asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4}], [%2];"
               ::"r"(gc_hopper_shared(to)), "l"(map), "r"(gc_hopper_shared(bar)), "r"(x), "r"(y) : "memory");
}
__device__ __forceinline__ void gc_tma_load_3d(void* to, const void* map, unsigned long long* bar, int x, int y, int z) {
  asm volatile("cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4, %5}], [%2];"
               ::"r"(gc_hopper_shared(to)), "l"(map), "r"(gc_hopper_shared(bar)), "r"(x), "r"(y), "r"(z) : "memory");
}
__device__ __forceinline__ void gc_tma_load_4d(void* to, const void* map, unsigned long long* bar, int x, int y, int z, int w) {
  asm volatile("cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4, %5, %6}], [%2];"
               ::"r"(gc_hopper_shared(to)), "l"(map), "r"(gc_hopper_shared(bar)), "r"(x), "r"(y), "r"(z), "r"(w) : "memory");
}
__device__ __forceinline__ void gc_tma_store_2d(const void* map, const void* from, int x, int y) {
  asm volatile("cp.async.bulk.tensor.2d.global.shared::cta.tile.bulk_group [%0, {%2, %3}], [%1];"
               ::"l"(map), "r"(gc_hopper_shared(from)), "r"(x), "r"(y) : "memory");
}
__device__ __forceinline__ void gc_tma_store_3d(const void* map, const void* from, int x, int y, int z) {
  asm volatile("cp.async.bulk.tensor.3d.global.shared::cta.tile.bulk_group [%0, {%2, %3, %4}], [%1];"
               ::"l"(map), "r"(gc_hopper_shared(from)), "r"(x), "r"(y), "r"(z) : "memory");
}
__device__ __forceinline__ void gc_tma_store_4d(const void* map, const void* from, int x, int y, int z, int w) {
  asm volatile("cp.async.bulk.tensor.4d.global.shared::cta.tile.bulk_group [%0, {%2, %3, %4, %5}], [%1];"
               ::"l"(map), "r"(gc_hopper_shared(from)), "r"(x), "r"(y), "r"(z), "r"(w) : "memory");
}
__device__ __forceinline__ void gc_tma_store_commit() { asm volatile("cp.async.bulk.commit_group;" ::: "memory"); }
template <int N> __device__ __forceinline__ void gc_tma_store_read_wait() { asm volatile("cp.async.bulk.wait_group.read %0;" ::"n"(N) : "memory"); }
template <int N> __device__ __forceinline__ void gc_tma_store_wait() { asm volatile("cp.async.bulk.wait_group %0;" ::"n"(N) : "memory"); }
__device__ __forceinline__ void gc_fence_async() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }
template <int ID> __device__ __forceinline__ void gc_named_barrier(int threads) { asm volatile("bar.sync %0, %1;" ::"n"(ID), "r"(threads) : "memory"); }
template <int N> __device__ __forceinline__ void gc_registers_more() { asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(N)); }
template <int N> __device__ __forceinline__ void gc_registers_fewer() { asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(N)); }
__device__ __forceinline__ unsigned long long gc_wgmma_tile_turned(const void* p, int leading) {  // 1024 bytes between groups of 8 rows
  return (gc_hopper_shared(p) & 0x3ffffull) >> 4 | static_cast<unsigned long long>(leading >> 4) << 16 | 64ull << 32 | 1ull << 62;
}
__device__ __forceinline__ unsigned long long gc_wgmma_tile(const void* p) { return gc_wgmma_tile_turned(p, 16); }
__device__ __forceinline__ void gc_wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
__device__ __forceinline__ void gc_wgmma_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
template <int N> __device__ __forceinline__ void gc_wgmma_wait() { asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(N) : "memory"); }
#define GC_R8 "%0, %1, %2, %3, %4, %5, %6, %7"
#define GC_R16 GC_R8 ", %8, %9, %10, %11, %12, %13, %14, %15"
#define GC_R32 GC_R16 ", %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
#define GC_R48 GC_R32 ", %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47"
#define GC_R64 GC_R48 ", %48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
#define GC_R96 GC_R64 ", %64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, %80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95"
#define GC_R128 GC_R96 ", %96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111, %112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127"
#define GC_D8(i) "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3]), "+f"(d[i + 4]), "+f"(d[i + 5]), "+f"(d[i + 6]), "+f"(d[i + 7])
#define GC_D16(i) GC_D8(i), GC_D8(i + 8)
#define GC_D32(i) GC_D16(i), GC_D16(i + 16)
#define GC_D48(i) GC_D32(i), GC_D16(i + 32)
#define GC_D64(i) GC_D32(i), GC_D32(i + 32)
#define GC_D96(i) GC_D64(i), GC_D32(i + 64)
#define GC_D128(i) GC_D64(i), GC_D64(i + 64)
// Operands after the accumulators: %0 to %6 of each form below, whose numbers depend on how many accumulators there are.
#define GC_WGMMA_TILES(N, K, TYPES, R, D, A, B, P, TAIL, ...) \
  if constexpr (COLUMNS == N) { \
    asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, " P ", 0;\nwgmma.mma_async.sync.aligned.m64n" #N "k" #K ".f32." TYPES " {" R "}, " A ", " B ", p, 1, 1" TAIL ";\n}" \
                 : D : "l"(a), "l"(b), "r"(static_cast<int>(add)) __VA_ARGS__); \
  }
#define GC_WGMMA_REGISTERS(N, TYPES, R, D, A, B, P, T) \
  if constexpr (COLUMNS == N) { \
    asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, " P ", 0;\nwgmma.mma_async.sync.aligned.m64n" #N "k16.f32." TYPES " {" R "}, {" A "}, " B ", p, 1, 1, " T ";\n}" \
                 : D : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(static_cast<int>(add)), "n"(TB)); \
  }
#define GC_WGMMA_TURNABLE(TYPES) \
  GC_WGMMA_TILES(16, 16, TYPES, GC_R8, GC_D8(0), "%8", "%9", "%10", ", %11, %12", , "n"(TA), "n"(TB)) \
  GC_WGMMA_TILES(32, 16, TYPES, GC_R16, GC_D16(0), "%16", "%17", "%18", ", %19, %20", , "n"(TA), "n"(TB)) \
  GC_WGMMA_TILES(64, 16, TYPES, GC_R32, GC_D32(0), "%32", "%33", "%34", ", %35, %36", , "n"(TA), "n"(TB)) \
  GC_WGMMA_TILES(96, 16, TYPES, GC_R48, GC_D48(0), "%48", "%49", "%50", ", %51, %52", , "n"(TA), "n"(TB)) \
  GC_WGMMA_TILES(128, 16, TYPES, GC_R64, GC_D64(0), "%64", "%65", "%66", ", %67, %68", , "n"(TA), "n"(TB)) \
  GC_WGMMA_TILES(192, 16, TYPES, GC_R96, GC_D96(0), "%96", "%97", "%98", ", %99, %100", , "n"(TA), "n"(TB)) \
  GC_WGMMA_TILES(256, 16, TYPES, GC_R128, GC_D128(0), "%128", "%129", "%130", ", %131, %132", , "n"(TA), "n"(TB))
#define GC_WGMMA_PLAIN(TYPES) \
  GC_WGMMA_TILES(16, 8, TYPES, GC_R8, GC_D8(0), "%8", "%9", "%10", "") \
  GC_WGMMA_TILES(32, 8, TYPES, GC_R16, GC_D16(0), "%16", "%17", "%18", "") \
  GC_WGMMA_TILES(64, 8, TYPES, GC_R32, GC_D32(0), "%32", "%33", "%34", "") \
  GC_WGMMA_TILES(96, 8, TYPES, GC_R48, GC_D48(0), "%48", "%49", "%50", "") \
  GC_WGMMA_TILES(128, 8, TYPES, GC_R64, GC_D64(0), "%64", "%65", "%66", "") \
  GC_WGMMA_TILES(192, 8, TYPES, GC_R96, GC_D96(0), "%96", "%97", "%98", "") \
  GC_WGMMA_TILES(256, 8, TYPES, GC_R128, GC_D128(0), "%128", "%129", "%130", "")
#define GC_WGMMA_FROM_REGISTERS(TYPES) \
  GC_WGMMA_REGISTERS(16, TYPES, GC_R8, GC_D8(0), "%8, %9, %10, %11", "%12", "%13", "%14") \
  GC_WGMMA_REGISTERS(32, TYPES, GC_R16, GC_D16(0), "%16, %17, %18, %19", "%20", "%21", "%22") \
  GC_WGMMA_REGISTERS(64, TYPES, GC_R32, GC_D32(0), "%32, %33, %34, %35", "%36", "%37", "%38") \
  GC_WGMMA_REGISTERS(96, TYPES, GC_R48, GC_D48(0), "%48, %49, %50, %51", "%52", "%53", "%54") \
  GC_WGMMA_REGISTERS(128, TYPES, GC_R64, GC_D64(0), "%64, %65, %66, %67", "%68", "%69", "%70") \
  GC_WGMMA_REGISTERS(192, TYPES, GC_R96, GC_D96(0), "%96, %97, %98, %99", "%100", "%101", "%102") \
  GC_WGMMA_REGISTERS(256, TYPES, GC_R128, GC_D128(0), "%128, %129, %130, %131", "%132", "%133", "%134")
template <int COLUMNS, int TA = 0, int TB = 0>
__device__ __forceinline__ void gc_wgmma_f16(float* d, unsigned long long a, unsigned long long b, bool add) {
  GC_WGMMA_TURNABLE("f16.f16")
}
template <int COLUMNS, int TB = 0>
__device__ __forceinline__ void gc_wgmma_f16_registers(float* d, const unsigned* a, unsigned long long b, bool add) {
  GC_WGMMA_FROM_REGISTERS("f16.f16")
}
template <int COLUMNS, int TA = 0, int TB = 0>
__device__ __forceinline__ void gc_wgmma_bf16(float* d, unsigned long long a, unsigned long long b, bool add) {
  GC_WGMMA_TURNABLE("bf16.bf16")
}
template <int COLUMNS, int TB = 0>
__device__ __forceinline__ void gc_wgmma_bf16_registers(float* d, const unsigned* a, unsigned long long b, bool add) {
  GC_WGMMA_FROM_REGISTERS("bf16.bf16")
}
template <int COLUMNS> __device__ __forceinline__ void gc_wgmma_tf32(float* d, unsigned long long a, unsigned long long b, bool add) {
  GC_WGMMA_PLAIN("tf32.tf32")
}
#endif
