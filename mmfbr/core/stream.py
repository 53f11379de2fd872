"""FBR's own stream of random numbers, so that the host's stream is the same with and without it."""
import hashlib
from contextlib import contextmanager

import torch


def derived_seed(*key):
    """A 63-bit seed that depends on every part of ``key`` (ints and strings) and on nothing else."""
    digest = hashlib.blake2b(repr(key).encode(), digest_size=8).digest()
    return int.from_bytes(digest, 'little') >> 1


def derived_generator(device, *key):
    """A new ``torch.Generator`` on ``device``, seeded by ``derived_seed``."""
    return torch.Generator(device=device).manual_seed(derived_seed(*key))


@contextmanager
def isolated(*key):
    """Within the block the global CPU stream is a derived one; afterwards it is where it was.

    For library initialisers that take no generator. Parameters are created on the CPU, so other devices need no care.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(derived_seed(*key))
        yield
