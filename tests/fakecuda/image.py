"""What the fake driver loads: a shared library under a header that says what device and driver it is for.

For each kernel it has ``const char *gc_run_NAME(long grid, int threads, int shared, const unsigned char *arguments, long bytes)``,
which answers NULL, or what went wrong.
"""

HEADER = 64


def image(library: bytes, arch: str = "sm_90a", driver: int = 13000) -> bytes:
    """The image of a library."""
    return f"FAKECUDA {arch} {driver}\n".encode().ljust(HEADER, b"\0") + library
