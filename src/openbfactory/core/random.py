"""Addressed random numbers: the same address gives the same stream.

A generator is made from (run seed, sample, chunk, stage) and from nothing else,
so events do not depend on the number of workers, on the order of the chunks, on
which other stages ran, or on a resume in between.  There is no global
generator in the package.

Method: the address is hashed (BLAKE2b, 256 bits) into the seed sequence of a
PCG64DXSM bit generator; distinct addresses give independent streams with the
probability of a hash collision, 2^-128.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np

#: largest seed that Pythia 8 takes
PYTHIA_SEED_MAX = 900_000_000


@dataclass(frozen=True, slots=True)
class Address:
    """Where random numbers are drawn.

    Attributes
    ----------
    seed
        Seed of the run, any integer >= 0.
    sample
        Name of the sample, such as ``charged``.
    chunk
        Index of the chunk within the sample, from 0.
    stage
        Name of the stage, such as ``generate``; refine with :meth:`at`.
    """

    seed: int
    sample: str
    chunk: int = 0
    stage: str = "run"

    def at(self, stage: str) -> Address:
        """The same address at another stage."""
        return replace(self, stage=stage)

    def key(self) -> str:
        """Text form of the address, unique to it."""
        return f"{self.seed}\x1f{self.sample}\x1f{self.chunk}\x1f{self.stage}"

    def digest(self) -> bytes:
        """256-bit hash of the address."""
        return hashlib.blake2b(self.key().encode(), digest_size=32, person=b"openbfactory").digest()

    def generator(self) -> np.random.Generator:
        """A fresh generator of this address, usable inside numba kernels."""
        words = np.frombuffer(self.digest(), dtype="<u4")
        return np.random.Generator(np.random.PCG64DXSM(np.random.SeedSequence(words.tolist())))

    def pythia_seed(self) -> int:
        """An integer in [1, 900000000] for ``Random:seed`` of Pythia 8."""
        return 1 + int.from_bytes(self.digest()[:8], "little") % PYTHIA_SEED_MAX
