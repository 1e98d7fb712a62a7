"""Random decisions that come out the same in every run with the same seed.

A decision is drawn from what it is about (the seed and, say, a write's id), never from a running
generator, so that the order in which threads arrive changes nothing.
"""

import hashlib


def draw(seed: int, *about: object) -> float:
    """Return a number in [0, 1) that belongs to this seed and this matter."""
    return int.from_bytes(_digest(seed, about)[:8], "big") / 2**64


def between(low: float, high: float, seed: int, *about: object) -> float:
    """Return a number from low to high that belongs to this seed and this matter."""
    return low + (high - low) * draw(seed, *about)


def token(seed: int, *about: object) -> str:
    """Return an invented credential: 32 hexadecimal digits."""
    return _digest(seed, about).hex()[:32]


def _digest(seed: int, about: tuple[object, ...]) -> bytes:
    return hashlib.sha256("|".join(map(str, (seed, *about))).encode()).digest()
