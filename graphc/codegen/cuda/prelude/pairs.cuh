// Two f32 as one word of 16-bit values, in place: what tensor cores read.
//   gc_pair_f16/bf16(r, low, high)       *r: both rounded to nearest even
__device__ __forceinline__ void gc_pair_f16(unsigned* r, float low, float high) { *r = gc_pack_f16(low, high); }
__device__ __forceinline__ void gc_pair_bf16(unsigned* r, float low, float high) { *r = gc_pack_bf16(low, high); }
