"""The CUDA C++ text of kernels: goldens, and what its structure promises."""

import pytest

from graphc.codegen.cuda.module import kernels_source
from graphc.ir.gpu import GPUS
from graphc.ir.parser import parse
from graphc.ir.verify_kernel import verify_kernel

KERNELS = {
    "map": """
kernel @map0(x0: f32[n,512], x1: f32[512], out0: f32[n,512] written) dims(n) {
  for b in n block {
    for t in 128 thread {
      for v in 4 vector {
        out0[b, t*4 + v] = exp(x0[b, t*4 + v] + x1[t*4 + v]) * x0[b, t*4 + v]
      }
    }
  }
}
""",
}


def source(text, **options):
    kernel = parse(text)
    verify_kernel(kernel)
    return kernels_source((kernel,), GPUS["cuda:sm_90a"], {}, **options)


@pytest.mark.parametrize("name", KERNELS)
def test_the_text_of_kernels(name, golden):
    golden(f"cuda/{name}.cu", source(KERNELS[name]))
