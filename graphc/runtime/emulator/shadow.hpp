// What is known about every four bytes of memory: who wrote and who read them last, and when.
//
// Time is a number for each warp, which goes up whenever the warp lets others know what it did (a barrier, an arrival, a
// __syncwarp). Each warp knows up to which time of every other warp it has been told: an access is ordered after an earlier one
// exactly if the time of that is within what is known. Times of later blocks and launches are larger than all before.
#pragma once
#include <cstdint>

namespace gc_emu {

constexpr int MOST_THREADS = 1024, MOST_WARPS = 32, ENGINES = 32, ACTORS = 33;  // ENGINES: the warp of copies and products in flight

enum Kind : unsigned { PLAIN = 0, ATOMIC = 1, FLYING = 2, ENGINE = 3 };

// time << 16 | which of the four bytes << 12 | kind << 10 | thread
using Word = uint64_t;
inline Word word(uint64_t time, unsigned mask, Kind kind, int thread) { return time << 16 | mask << 12 | kind << 10 | thread; }
inline uint64_t time_of(Word w) { return w >> 16; }
inline unsigned mask_of(Word w) { return w >> 12 & 15; }
inline Kind kind_of(Word w) { return static_cast<Kind>(w >> 10 & 3); }
inline int thread_of(Word w) { return static_cast<int>(w & 1023); }
inline int actor_of(Word w) { return kind_of(w) >= FLYING ? ENGINES : thread_of(w) >> 5; }

struct Cell {
  Word writer, reader, other;  // `other` is the last reader of another warp than `reader`
};

// Times of all warps as one of them, or a barrier, knows them.
struct Clock {
  uint64_t of[ACTORS];

  void set(uint64_t time, int actors) {
    for (int i = 0; i < actors; ++i) of[i] = time;
    of[ENGINES] = time;
  }
  void learn(const Clock& from, int actors) {
    for (int i = 0; i < actors; ++i)
      if (from.of[i] > of[i]) of[i] = from.of[i];
    if (from.of[ENGINES] > of[ENGINES]) of[ENGINES] = from.of[ENGINES];
  }
};

struct Counters {  // of one launch; device.py reads them in this order
  uint64_t global_read, global_written, shared_read, shared_written, barriers, shuffles, atomics, copied, tensor_products;
};

// Memory with a name, for checked pointers.
struct Array {
  const char* name;
  char* base;
  int64_t bytes;
  Cell* cells;  // of base, whose address is a multiple of four; nullptr: bounds alone are checked
  int element;  // its bytes
  bool shared;
};

// Memory of the device: device.py makes a sorted table of them.
struct Allocation {
  char* base;
  int64_t bytes;
  Cell* cells;
};

// Where a pointer of either sort points.
struct Place {
  char* at;
  const Array* array;  // nullptr: unchecked
};

}  // namespace gc_emu
