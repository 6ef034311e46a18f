"""The peers: how each of them expresses the programs, at its best. None of these files imports another peer's."""
