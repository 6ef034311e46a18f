// ldmatrix and mma.sync.
#include "matrices.hpp"

namespace gc_emu {

void ldmatrix(unsigned* registers, Place p, int count, bool turned, int line) {
  Block& b = *block;
  if (b.me->lane < count * 8) {
    shared_offset(p, 16, "ldmatrix", line);
    if (p.array)
      check(*p.array, p.at, 16, false, PLAIN, line);
    else if (reinterpret_cast<uint64_t>(p.at) % 16)
      fault(line, "ldmatrix: the address of a row is no multiple of 16");
  }
  Rows mine{registers, p.at, count, turned};
  by_warp<Rows>("ldmatrix", 0xffffffffu, mine, line, [](Rows** lanes, unsigned) {
    for (int lane = 0; lane < 32; ++lane)
      for (int m = 0; m < lanes[lane]->count; ++m) {
        unsigned short low, high;
        int r = lane / 4, c = lane % 4 * 2;
        if (lanes[lane]->turned) {
          memcpy(&low, lanes[m * 8 + c]->row + 2 * r, 2);
          memcpy(&high, lanes[m * 8 + c + 1]->row + 2 * r, 2);
        } else {
          memcpy(&low, lanes[m * 8 + r]->row + 2 * c, 2);
          memcpy(&high, lanes[m * 8 + r]->row + 2 * c + 2, 2);
        }
        lanes[lane]->registers[m] = low | static_cast<unsigned>(high) << 16;
      }
  });
}

void mma_16(float* d, const unsigned* a, const unsigned* b, float (*convert)(unsigned short), int line) {
  Fragments mine{d, a, b, convert};
  by_warp<Fragments>("mma", 0xffffffffu, mine, line, [](Fragments** lanes, unsigned) {
    float a[16][16], b[16][8];
    for (int lane = 0; lane < 32; ++lane)
      for (int half = 0; half < 2; ++half) {
        int g = lane / 4, c = lane % 4 * 2 + half;
        const Fragments& f = *lanes[lane];
        auto value = [&](unsigned w) { return f.convert(static_cast<unsigned short>(w >> 16 * half)); };
        for (int i = 0; i < 4; ++i) a[g + i % 2 * 8][c + i / 2 * 8] = value(f.a[i]);
        for (int i = 0; i < 2; ++i) b[c + i * 8][g] = value(f.b[i]);
      }
    multiply<16>(lanes, a, b);
  });
}

void mma_tf32(float* d, const unsigned* a, const unsigned* b, int line) {
  Fragments mine{d, a, b, nullptr};
  by_warp<Fragments>("mma", 0xffffffffu, mine, line, [](Fragments** lanes, unsigned) {
    float a[16][8], b[8][8];
    for (int lane = 0; lane < 32; ++lane) {
      int g = lane / 4, c = lane % 4;
      for (int i = 0; i < 4; ++i) a[g + i % 2 * 8][c + i / 2 * 4] = from_tf32(lanes[lane]->a[i]);
      for (int i = 0; i < 2; ++i) b[c + i * 4][g] = from_tf32(lanes[lane]->b[i]);
    }
    multiply<8>(lanes, a, b);
  });
}

}  // namespace gc_emu
