"""Time and memory of IRN's random walk on an image, in a process of its own."""
import multiprocessing
import time
from statistics import median

import torch

from mmfbr.core import path_affinities, random_walk

from .clock import resident_peak


def measure_walk(size=(500, 500), maps=3, stride=4, radius=5, beta=10, steps=256, repeats=5, threads=None):
    """Seconds and MiB of path affinities and random walk for ``maps`` class maps of an image of ``size``.

    Both are of a fresh process with ``threads`` threads (None: those of this one): time, the clock's and that of the
    processors (which others' work does not lengthen as much), is the median of ``repeats`` runs after a first, memory
    the rise of the peak of its resident memory in the first, None where the system does not tell.
    """
    settings = dict(size=list(size), maps=maps, stride=stride, radius=radius, beta=beta, steps=steps, repeats=repeats,
                    threads=threads or torch.get_num_threads())
    with multiprocessing.get_context('spawn').Pool(1) as pool:
        seconds, cpu, mib = pool.apply(_measured, (settings, ))
    return {'seconds': median(seconds), 'slowest': max(seconds), 'cpu_seconds': median(cpu), 'peak_memory_mib': mib,
            **settings}


def _measured(settings):
    torch.set_num_threads(settings['threads'])
    cells = [-(-side // settings['stride']) for side in settings['size']]
    _walk(settings, [8, 8])  # loads what the first call of a process loads
    mib, seconds, cpu = resident_peak(lambda: _walk(settings, cells)), [], []
    for _ in range(settings['repeats']):
        start = time.perf_counter(), time.process_time()
        _walk(settings, cells)
        seconds.append(time.perf_counter() - start[0])
        cpu.append(time.process_time() - start[1])
    return seconds, cpu, mib


def _walk(settings, cells):
    g = torch.Generator().manual_seed(0)
    boundary, scores = torch.rand(1, *cells, generator=g), torch.rand(settings['maps'], *cells, generator=g)
    affinity, = path_affinities(boundary, settings['radius'])
    return random_walk(scores * (1 - boundary), affinity, settings['radius'], settings['beta'], settings['steps'])


def table(result):
    """The numbers for reading."""
    height, width = result['size']
    memory = 'not known' if result['peak_memory_mib'] is None else f"{result['peak_memory_mib']:.0f} MiB"
    return (f"image of {height} x {width}, stride {result['stride']}, radius {result['radius']}, beta "
            f"{result['beta']}, {result['steps']} steps, {result['maps']} maps, {result['threads']} threads\n"
            f"median of {result['repeats']} {result['seconds']:8.2f} s   slowest {result['slowest']:.2f} s   of the "
            f"processors' time {result['cpu_seconds']:.2f} s\n"
            f'peak memory {memory}')
