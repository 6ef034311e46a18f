"""Names of what shares values with other libraries, and of the kinds of descriptions."""

from graphc.api.op import Late
from graphc.api.slices_spec import IndexedSlicesSpec
from graphc.api.spec import TypeSpec

FUNCTIONS = {
    "IndexedSlicesSpec": IndexedSlicesSpec,
    "TypeSpec": TypeSpec,
    **{f"experimental.dlpack.{name}": Late("graphc.api.sharing", name) for name in ("from_dlpack", "to_dlpack")},
    "experimental.numpy.experimental_enable_numpy_behavior": Late("graphc.api.sharing", "enable_numpy_behavior"),
}
