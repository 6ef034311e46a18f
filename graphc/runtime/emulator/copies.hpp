// cp.async: the bytes land when the thread waits for them, and not before.
#pragma once
#include "builtins.hpp"

namespace gc_emu {

int shared_offset(const Place& p, int bytes, const char* what, int line);

// Shared memory as an engine touches it: by address alone.
Array all_shared();

// Bytes that something in flight is going to write: whoever touches them before it has landed is reported.
void start_writing(const Place& to, int offset, int bytes, int line);

// They have landed; `kind` and `time` say who is to be told that.
void end_writing(int offset, int bytes, Kind kind, uint64_t time, int thread);

void land(Block& b, Copy& c);

void cp_async(Place to, Place from, int bytes, bool inside, int line);

template <int BYTES, class D, class S> inline void cp_async(const D& to, const S& from, bool inside, int line) {
  cp_async(place(to), place(from), BYTES, inside, line);
}

void cp_async_commit();

void cp_async_wait(int last, int);

}  // namespace gc_emu
