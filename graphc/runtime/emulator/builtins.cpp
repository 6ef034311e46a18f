// Votes.
#include "builtins.hpp"

namespace gc_emu {

unsigned ballot(unsigned mask, bool yes, int line) {
  Voted mine{yes, 0};
  by_warp<Voted>("a vote", mask, mine, line, [](Voted** lanes, unsigned) {
    unsigned all = 0;
    for (int i = 0; i < 32; ++i)
      if (lanes[i] && lanes[i]->yes) all |= 1u << i;
    for (int i = 0; i < 32; ++i)
      if (lanes[i]) lanes[i]->result = all;
  });
  return mine.result;
}

}  // namespace gc_emu
