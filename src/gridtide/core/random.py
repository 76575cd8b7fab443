"""Random streams: one seed, one independent stream per purpose."""

from __future__ import annotations

import zlib

import numpy as np


def stream(seed: int, purpose: str) -> np.random.Generator:
    """Return the random stream of one purpose.

    Streams of different purposes are independent, so that drawing more of one thing
    does not change another.

    Parameters
    ----------
    seed
        The run's seed.
    purpose
        What is drawn, for example ``"sessions"``.
    """
    return np.random.default_rng(np.random.SeedSequence([seed, zlib.crc32(purpose.encode())]))
