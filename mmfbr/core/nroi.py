"""Negative regions of interest: k-means centroids of background pixels, kept in a first-in-first-out memory bank."""
import torch
from torch import nn

from .kmeans import kmeans


class NROIBank(nn.Module):
    """Extracts NROIs and keeps the latest ``capacity`` of them (method: NROI; framework figure of arXiv 2406.15755).

    All state is in buffers, so it is saved, resumed and moved with the model. The ring is stored as the 32-bit integers
    of its float32 content: a weight average (EMA) or a cast to half precision passes integers by, and neither would be
    right here. One row more than ``capacity`` is allocated: rows that must not be stored are written there, which
    spares the device a host synchronisation for their number.

    Args:
        num_clusters (int): K, NROIs per image, >= 1.
        capacity (int): entries of the ring, >= 1.
        channels (int): D, length of an embedding, as ``FBRNeck(channels=...)``.
        warmup (int): entries that must be there before negatives are drawn, 0 to capacity.
        rounds (int): upper bound of k-means rounds, >= 1.
        init (str): start of k-means, 'random' or 'k-means++'.
        gather (bool): push the NROIs of all processes, in the order of their ranks, so that all banks are equal.
        source (str): 'clusters', the method's, or, to see what the clusters are good for, 'pixels': ``num_clusters``
            background pixels of an image, drawn at random.
        pixels_per_cluster (int | None): not the paper's: an image has a cluster for each so many background pixels that
            are read of it, or part of them, ``num_clusters`` at most. None: ``num_clusters``, whatever its background.

    Raises:
        ValueError: for an argument out of range, with its value.
    """

    def __init__(self, num_clusters=8, capacity=100_000, channels=128, warmup=0, rounds=10, init='random', gather=True,
                 source='clusters', pixels_per_cluster=None):
        super().__init__()
        for name, value, low, high in (('num_clusters', num_clusters, 1, None), ('capacity', capacity, 1, None),
                                       ('channels', channels, 1, None), ('rounds', rounds, 1, None),
                                       ('warmup', warmup, 0, capacity),
                                       ('pixels_per_cluster', pixels_per_cluster, 1, None)):
            if value is None and name == 'pixels_per_cluster':
                continue
            if int(value) != value or value < low or (high is not None and value > high):
                limit = f'{low} to {high}' if high is not None else f'at least {low}'
                raise ValueError(f'NROIBank: {name} must be an integer, {limit}; it is {value!r}.')
        if init not in ('random', 'k-means++'):
            raise ValueError(f"NROIBank: init must be 'random' or 'k-means++'; it is {init!r}.")
        if source not in ('clusters', 'pixels'):
            raise ValueError(f"NROIBank: source must be 'clusters' or 'pixels'; it is {source!r}.")
        self.num_clusters, self.capacity, self.channels = num_clusters, capacity, channels
        self.warmup, self.rounds, self.init, self.gather = warmup, rounds, init, gather
        self.source, self.pixels_per_cluster = source, pixels_per_cluster
        self.register_buffer('bits', torch.zeros(capacity + 1, channels, dtype=torch.int32))
        self.register_buffer('pointer', torch.zeros((), dtype=torch.int64))
        self.register_buffer('fill', torch.zeros((), dtype=torch.int64))

    @property
    def content(self):
        """The ring, (capacity, D) float32, a view; rows from ``fill`` on were never written."""
        return self.bits.view(torch.float32)[:self.capacity]

    @property
    def ready(self):
        """Bool tensor: negatives can be drawn."""
        return self.fill >= max(self.warmup, 1)

    def extract(self, z_bg, background, generator):
        """NROIs of each image, (N, K, D) and (N, K) bool: of ``z_bg`` (N, P, D) at the pixels ``background`` (N, P)."""
        most = None
        if self.pixels_per_cluster is not None:
            most = (background.sum(1) + self.pixels_per_cluster - 1) // self.pixels_per_cluster
        if self.source == 'pixels':  # k-means of no round ends where it starts
            return kmeans(z_bg, background, self.num_clusters, generator, rounds=0, most=most)
        return kmeans(z_bg, background, self.num_clusters, generator, self.rounds, self.init, most)

    @torch.no_grad()
    def push(self, rows, keep=None):
        """Appends the rows (R, D) that ``keep`` (R,) bool names (default all), the oldest entries giving way.

        Of more rows than ``capacity`` the last ones stay. With ``gather`` every process must call this equally often.
        """
        if rows.ndim != 2 or rows.shape[1] != self.channels:
            raise ValueError(f'NROIBank(channels={self.channels}) takes rows (R, {self.channels}), '
                             f'not {tuple(rows.shape)}.')
        keep = torch.ones(len(rows), dtype=torch.bool, device=rows.device) if keep is None else keep
        rows, keep = rows.detach().to(self.bits.device, torch.float32), keep.to(self.bits.device)
        if self.gather and torch.distributed.is_available() and torch.distributed.is_initialized():
            rows, keep = _gather_rows(rows, keep)
        rank = keep.cumsum(0) - 1
        count = keep.sum()
        stays = keep & (rank >= count - self.capacity)
        position = torch.where(stays, (self.pointer + rank) % self.capacity, self.capacity)
        self.bits.view(torch.float32).index_copy_(0, position, rows)
        self.pointer.copy_((self.pointer + count) % self.capacity)
        self.fill.copy_((self.fill + count).clamp(max=self.capacity))

    @torch.no_grad()
    def sample(self, count, generator):
        """``count`` rows (count, D) of the filled part, uniformly with replacement; zeros while nothing was pushed."""
        uniform = torch.rand(count, generator=generator, device=self.bits.device, dtype=torch.float64)
        return self.content[(uniform * self.fill).long()]

    @torch.no_grad()
    def clear(self):
        """Forgets everything."""
        for buffer in (self.bits, self.pointer, self.fill):
            buffer.zero_()

    def extra_repr(self):
        return f'num_clusters={self.num_clusters}, capacity={self.capacity}, channels={self.channels}'


def _gather_rows(rows, keep):
    """Rows and flags of all processes in the order of their ranks; processes may have different numbers of rows."""
    world = torch.distributed.get_world_size()
    length = torch.tensor([len(rows)], device=rows.device)
    lengths = [torch.zeros_like(length) for _ in range(world)]
    torch.distributed.all_gather(lengths, length)
    most = int(torch.cat(lengths).max())
    # The flag travels as one more column: one collective instead of two.
    block = rows.new_zeros(most, rows.shape[1] + 1)
    block[:len(rows), :-1], block[:len(rows), -1] = rows, keep.to(rows.dtype)
    blocks = [torch.zeros_like(block) for _ in range(world)]
    torch.distributed.all_gather(blocks, block)
    merged = torch.cat(blocks)
    return merged[:, :-1], merged[:, -1] > 0.5
