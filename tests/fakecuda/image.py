"""What the fake driver loads: a library of the emulator, under a header that says what device and driver it is for."""

HEADER = 64


def image(library: bytes, arch: str = "sm_90a", driver: int = 13000) -> bytes:
    """The image of a library."""
    return f"FAKECUDA {arch} {driver}\n".encode().ljust(HEADER, b"\0") + library
