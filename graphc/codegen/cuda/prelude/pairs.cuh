// f32 as the words that tensor cores read, in place.
//   gc_pair_f16/bf16(r, low, high)       *r: two values of 16 bits, rounded to nearest even
//   gc_round_tf32(r, x)                  *r: x as tf32
__device__ __forceinline__ void gc_pair_f16(unsigned* r, float low, float high) { *r = gc_pack_f16(low, high); }
__device__ __forceinline__ void gc_pair_bf16(unsigned* r, float low, float high) { *r = gc_pack_bf16(low, high); }
__device__ __forceinline__ void gc_round_tf32(unsigned* r, float x) { *r = gc_tf32(x); }
