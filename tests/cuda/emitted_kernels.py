"""Kernels of the IR as text: what the emitter's tests print, compile and run."""

KERNELS = {
    "map": """
kernel @map0(x0: f32[n,512], x1: f32[512], out0: f32[n,512] written) dims(n) {
  for b below n in n block {
    for t in 128 thread {
      for v in 4 vector {
        out0[b, t*4 + v] = exp(x0[b, t*4 + v] + x1[t*4 + v]) * x0[b, t*4 + v]
      }
    }
  }
}
""",
    "tail": """
kernel @tail0(x0: f16[n], x1: b1[n], out0: f32[n] written, out1: b1[n] written) dims(n) {
  for b in (n + 1023)//1024 block {
    for t in 256 thread {
      if b*1024 + t*4 + 3 < n {
        for v in 4 vector {
          let x: f32 = select(x1[b*1024 + t*4 + v], cast(x0[b*1024 + t*4 + v], dtype=f32), f32(0.5))
          out0[b*1024 + t*4 + v] = x * x
          out1[b*1024 + t*4 + v] = f32(1.0) < x
        }
      } else {
        for v in 4 vector {
          let x: f32 = select(x1[b*1024 + t*4 + v if b*1024 + t*4 + v < n], f32(2.0), f32(0.5))
          out0[b*1024 + t*4 + v if b*1024 + t*4 + v < n] = x
        }
      }
    }
  }
}
""",
    "row": """
kernel @row0(x0: f32[n,256], out0: f32[n,256] written) dims(n) {
  for b in (n + 3)//4 block {
    for t in 256 thread {
      let row: i64 = b*4 + t//64
      let lane: i64 below 64 = t % 64
      alloc held: f32[4] register
      for u in 4 unrolled {
        held[u] = x0[row, u*64 + lane if row < n]
      }
      let sum: f32 = f32(0.0)
      for u in 4 unrolled {
        sum = sum + held[u]
      }
      let s16: f32 = sum + shuffle_xor(sum, mask=16)
      let all: f32 = shuffle(s16, lane % 32 - lane % 16)
      for u in 4 unrolled {
        out0[row, u*64 + lane if row < n] = held[u] / all
      }
    }
  }
}
""",
    "turn": """
kernel @turn0(x0: f32[2,64,96], out0: f32[2,96,64] written) {
  for k in 2 block {
    for i in 2 block {
      for j in 3 block {
        alloc tile: f32[32,33] shared
        for t in 256 thread {
          for r in 4 unrolled {
            tile[r*8 + t//32, t % 32] = x0[k, i*32 + r*8 + t//32, j*32 + t % 32]
          }
          barrier
          for r in 4 unrolled {
            out0[k, j*32 + r*8 + t//32, i*32 + t % 32] = tile[t % 32, r*8 + t//32]
          }
        }
      }
    }
  }
}
""",
    "gather": """
kernel @gather0(x0: f32[m,64], x1: i32[n], x2: i64[n], out0: f32[n,64] written, out1: i64[n] written) dims(n, m) {
  for b in n block {
    for t in 64 thread {
      let at: i64 = cast(x1[b], dtype=i64)
      %t0 = at < m
      out0[b, t] = x0[at, t if %t0] + x0[x2[b], t if %t0]
      out1[b if t == 0] = x2[b] * 3 - at + b // m % 5
    }
  }
}
""",
    "fold": """
kernel @fold0(x0: f32[n,16], x1: i8[n,4,4], out0: f32[n] written, out1: i8[n,4,4] written) dims(n) {
  for b below n in n block {
    for t in 32 thread {
      alloc held: f32[16] register
      for v in 16 vector {
        held[v] = x0[b, v]
      }
      alloc square: i8[4,4] register
      for i in 4 unrolled {
        for v in 4 vector {
          square[i, v] = x1[b, i, v]
        }
      }
      turn square
      if t == 0 {
        out0[b] = fold(held, add)
        for i in 4 unrolled {
          for v in 4 vector {
            out1[b, i, v] = square[i, v]
          }
        }
      }
    }
  }
}
""",
    "loops": """
kernel @loops0(x0: i64[n], x1: f64[n,m], out0: f64[n] written, out1: i64[n] written) dims(n, m) {
  for b below n in n block {
    for t in 32 thread {
      let sum: f64 = f64(0.0)
      let most: i64 = 0
      let k_stop: i64 = x0[b]
      for k below m in min(k_stop, m) {
        if f64(0.0) < x1[b, k] {
          sum = sum + x1[b, k]
        } else {
          most = max(most, k)
          sum = fma(sum, f64(0.5), x1[b, k])
        }
      }
      out0[b if t == 31] = sum
      out1[b if t == 31] = most * k_stop - most // 2 % 3
    }
  }
}
""",
    "places": """
kernel @places0(x0: i32[n], out0: i64[64,8] written, out1: i32[64] written) dims(n, m) {
  for b in 2 block {
    for t in 32 thread {
      let i: i64 = b*32 + t
      let k: i64 = i - n
      out0[i, 0] = k // 8
      out0[i, 1] = k % 8
      out0[i, 2] = k // 7
      out0[i, 3] = k % 7
      out0[i, 4] = (i*1000 + 5) // m
      out0[i, 5] = (i*1000 + 5) % m
      out0[i, 6] = min(k, 3 - i) - max(k*2, i)
      out0[i, 7] = (b*-5 + 40 - t*3) % 7 + (t - b) // 3
      out1[i] = x0[(63 - i) * 2 + b if i < n]
    }
  }
}
""",
}
