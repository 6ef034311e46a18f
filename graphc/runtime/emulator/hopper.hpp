// mbarriers and the copy engine. A copy lands when nobody can go on without it, wholly or not at all.
#pragma once
#include <initializer_list>

#include "matrices.hpp"

namespace gc_emu {

// --- proxies -------------------------------------------------------------------------------------------------------------------

// Ordinary stores of this thread so far are seen by the engines.
void fence_async();

// An engine begins to read shared memory, which nobody may write before end_reading.
void start_reading(const char* what, int offset, int bytes, int line);

void end_reading(int offset, int bytes, uint64_t time);

// A number for what the engines have just done, which those who wait for it learn.
uint64_t engine_time(Block& b);

// --- mbarriers -----------------------------------------------------------------------------------------------------------------

constexpr uint64_t MBARRIER = 0x7265697272616267;

void mbarrier_init(Place p, int count, int line);

MBarrier& mbarrier(Place p, int line);

void mbarrier_arrive(Place bar, int bytes, int line);

bool phase_ended(Block& b, int offset, int parity, Thread& by);

void mbarrier_wait(Place bar, int parity, int line);

// --- the copy engine -----------------------------------------------------------------------------------------------------------

int swizzled(int offset, uint32_t mode);

// Calls row(offset in the box, address of its first element in memory, first element inside, end of those inside) for all rows.
template <class F> inline void each_row(const TensorMap& m, const int* at, F row) {
  int rows = 1, bytes = static_cast<int>(m.box[0] * m.element);
  for (uint32_t d = 1; d < m.rank; ++d) rows *= static_cast<int>(m.box[d]);
  for (int r = 0; r < rows; ++r) {
    bool inside = true;
    char* from = m.base + static_cast<int64_t>(at[0]) * m.element;
    int rest = r;
    for (uint32_t d = 1; d < m.rank; ++d) {
      int64_t i = at[d] + rest % static_cast<int>(m.box[d]);
      rest /= static_cast<int>(m.box[d]);
      inside &= i >= 0 && i < static_cast<int64_t>(m.size[d]);
      from += i * static_cast<int64_t>(m.stride[d]);
    }
    int begin = at[0] < 0 ? -at[0] : 0, end = static_cast<int>(m.box[0]);
    if (static_cast<int64_t>(at[0]) + end > m.size[0]) end = static_cast<int>(m.size[0]) - at[0];
    if (!inside || end < begin) begin = end = 0;
    row(r * bytes, from, begin, end);
  }
}

void land(Block& b, const BulkLoad& l);

bool land_one(Block& b);

void tma_load_bytes(Place to, Place source, int bytes, Place bar, int line);

void tma_load(Place to, Place map, Place bar, std::initializer_list<int> at, int line);

void tma_store(Place map, Place from, std::initializer_list<int> at, int line);

void tma_store_commit();

void tma_store_wait(int last, bool, int);

void set_registers(int count, int line);

// --- for pointers of any sort --------------------------------------------------------------------------------------------------

template <class B> inline void mbarrier_init(const B& bar, int count, int line) { mbarrier_init(place(bar), count, line); }
template <class B> inline void mbarrier_arrive(const B& bar, int bytes, int line) { mbarrier_arrive(place(bar), bytes, line); }
template <class B> inline void mbarrier_wait(const B& bar, int parity, int line) { mbarrier_wait(place(bar), parity, line); }
template <class D, class S, class B> inline void tma_load_bytes(const D& to, const S& from, int bytes, const B& bar, int line) {
  tma_load_bytes(place(to), place(from), bytes, place(bar), line);
}
template <class D, class M, class B> inline void tma_load(const D& to, const M& map, const B& bar, std::initializer_list<int> at, int line) {
  tma_load(place(to), place(map), place(bar), at, line);
}
template <class M, class S> inline void tma_store(const M& map, const S& from, std::initializer_list<int> at, int line) {
  tma_store(place(map), place(from), at, line);
}

}  // namespace gc_emu
