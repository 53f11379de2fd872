"""Times and memory of a training step's FBR: by stage, in all, beside the straightforward one and the bare products."""
import multiprocessing
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from importlib import import_module
from statistics import median
from unittest.mock import patch

import torch

from mmfbr.core import queries, segmentation_view
from mmfbr.core.embed import AllPixels, SomePixels
from mmfbr.core.sampler import entropy
from mmfbr.models import FBRLoss, FBRNeck, fbr_loss

from .clock import MIB, Stopwatch, in_turns, resident_peak
from .straightforward import straightforward

STAGES = ('projection', 'view', 'k-means', 'push', 'plan', 'contrast fb', 'contrast if', 'decoupling', 'bg_seg',
          'backward', 'other')


@dataclass(frozen=True)
class Workload:
    """The size of a step: ``images`` maps of ``size`` x ``size`` and ``channels``, with about ``queries`` queries, of
    which ``cap`` at most are contrasted, and ``pixels`` of an image are read beside them (None: all)."""
    images: int = 16
    size: int = 32
    channels: int = 320
    classes: int = 21
    queries: int = 1800
    negatives: int = 256
    bank: int = 50_000
    cap: int = 8192
    pixels: int | None = 128
    device: str = 'cpu'


class Step:
    """A segmentation host's batch with a full bank, and the ways to compute FBR on it."""

    def __init__(self, work, seed=0):
        g = torch.Generator().manual_seed(seed)
        shape = (work.images, work.size, work.size)
        self.work, self.label = work, _labels(work, shape, g).to(work.device)
        self.logits = _logits(self.label.cpu(), work, g).to(work.device)
        feature = torch.randn(work.images, work.channels, *shape[1:], generator=g).relu()
        self.feature = feature.to(work.device).requires_grad_()
        self.neck = FBRNeck(work.channels).to(work.device)
        loss = FBRLoss(dict(capacity=work.bank), dict(
            num_negatives=work.negatives, max_queries=work.cap), max_pixels=work.pixels)
        self.loss = loss.to(work.device).bind(self.neck)
        self.loss.nroi.push(torch.randn(work.bank, self.neck.channels, generator=g).relu())
        self.bank, self._embed = self.loss.nroi.content.clone(), None

    def view(self):
        return segmentation_view(self.logits, self.label, self.feature.shape[2:])

    def fast(self, watch=None):
        """A step of the package, forward and backward; ``watch`` (Stopwatch) is told where it is."""
        self._forget()
        self.neck((self.feature,))
        with ExitStack() as watched:
            view = self.view
            if watch is not None:
                view = watch.watched(view, 'view')
                for owner, name, stage in (
                        (self.neck, 'embedder', 'projection'), *((owner, name, 'projection') for owner in (
                            AllPixels, SomePixels) for name in ('rows', 'embed')),
                        (self.neck.phi_seg, 'forward', 'bg_seg'), (fbr_loss, 'background_bce', 'bg_seg'),
                        (fbr_loss, 'decoupling', 'decoupling'),
                        (fbr_loss, 'contrast', 'contrast fb'), (fbr_loss, 'grouped_contrast', 'contrast if'),
                        (self.loss.nroi, 'extract', 'k-means'), (self.loss.nroi, 'push', 'push'),
                        (self.loss.sampler, 'plan', 'plan'), (torch.Tensor, 'backward', 'backward')):
                    watched.enter_context(patch.object(owner, name, watch.watched(getattr(owner, name), stage)))
            self.loss.contrast(view).backward()

    def slow(self):
        """A step of the straightforward implementation, forward and backward."""
        self._forget()
        terms, self.bank = straightforward(self.feature, self.logits, self.label, self.neck, self.bank,
                                           capacity=self.work.bank, count=self.work.negatives)
        sum(getattr(self.loss, f'w_{name}') * value for name, value in terms.items()).backward()

    def scores(self):
        """The passes of ``fast`` over S, which are linear in the number of classes."""
        entropy(self.view().probabilities)

    def projection(self):
        """The part of ``fast`` that grows with the encoder's channels: both embeddings, forward and backward."""
        if self._embed is None:
            self._embed = embedding_of(self.neck, self.fast)
        self._forget()
        self.neck((self.feature,))
        self._embed()

    def products(self):
        """{'projection': function, 'other': function}: the matrix products that none can leave out, bare.

        Projections with their gradients, of the pixels that are read; distances to and means of the k-means clusters
        over background pixels, for the rounds that ``fast`` takes; queries by negatives of both contrasts, with the
        queries' gradient.
        """
        device, d, m = self.work.device, self.neck.channels, self.work.negatives
        f = self.feature.detach().transpose(0, 1).flatten(1)
        weight, z = torch.randn(d, self.work.channels, device=device), torch.randn(d, f.shape[1], device=device)
        share = min(1, (self.work.pixels or torch.inf) / self.work.size**2)
        points = [torch.randn(round(share * int((label == 0).sum())), d, device=device) for label in self.label]
        centroids, rounds = torch.randn(d, self.loss.nroi.num_clusters, device=device), self.rounds()
        q, n = torch.randn(self.candidates(), d, device=device), torch.randn(m, d, device=device)
        drawn = round(share * f.shape[1])
        read = {'forward': [drawn, drawn], 'backward': [drawn, drawn]}  # columns, Z_bg's and Z_fg's
        if share < 1:
            read['forward'].append(int((self.label > 0).sum()))  # prototypes and negatives
            read['backward'][1] = min(drawn + len(q), f.shape[1])

        def projection():
            for count in read['forward']:
                weight @ f[:, :count]
            for count in read['backward']:
                z[:, :count] @ f[:, :count].T, weight.T @ z[:, :count]

        def other():
            for x in points * round(rounds):
                distance = x @ centroids
                distance.T @ x
            for _ in ('fb', 'if'):
                q @ n.T @ n

        return {'projection': projection, 'other': other}

    def candidates(self):
        """Number of queries."""
        return _candidates(self.view())

    def rounds(self):
        """Rounds of assignment that k-means takes in a step, the mean over the images."""
        module, images = import_module('mmfbr.core.kmeans'), []  # the package's `kmeans` is the function
        distances = module._distances

        def counted(centroids, points):
            images.append(len(points))
            return distances(centroids, points)

        with patch.object(module, '_distances', counted):
            self.fast()
        return sum(images) / self.work.images

    def _forget(self):
        self.feature.grad = None
        self.neck.zero_grad()


def embedding_of(neck, run):
    """A function that embeds once more, forward and backward, the pixels that ``run`` had ``neck`` embed."""
    embedder, samples, calls = neck.embedder, [], []

    def noted(sample=None):
        pixels = embedder(sample)
        samples.append(sample)
        for name in ('rows', 'embed'):
            setattr(pixels, name, partial(note, name, getattr(pixels, name)))
        return pixels

    def note(name, method, index):
        calls.append((name, index))
        return method(index)

    def again():
        pixels = embedder(*samples)
        result = {name: getattr(pixels, name)(index) for name, index in calls}
        torch.autograd.backward(result['embed'], [z.detach() for z in result['embed']])

    with patch.object(neck, 'embedder', noted):
        run()
    return again


def measure(work, repeats=5):
    """Median milliseconds of everything, run in turns so that a busy machine is busy for all; ratios; memory.

    Returns:
        dict: ready for JSON.
    """
    step = Step(work)
    products = step.products()
    stages = defaultdict(list)

    def watched():
        watch = Stopwatch(work.device)
        watch.start()
        step.fast(watch)
        with watch.stage('end'):
            pass
        for name in STAGES:
            stages[name].append(watch.spent[name])

    seconds = in_turns({
        'total': step.fast, 'straightforward': step.slow, 'projection': step.projection, 'S': step.scores,
        'products projection': products['projection'], 'products other': products['other'], 'watched': watched,
    }, repeats, work.device)
    ms = {name: 1000 * value for name, value in seconds.items()}
    all_products = ms['products projection'] + ms['products other']
    beside = {name: ms[name] - ms['projection'] for name in ('total', 'straightforward')}
    return {
        'workload': asdict(work), 'found_queries': step.candidates(), 'kmeans_rounds': step.rounds(),
        'threads': torch.get_num_threads(), 'torch': torch.__version__, 'repeats': repeats,
        'stages_ms': {name: 1000 * median(values) for name, values in stages.items()}, 'times_ms': ms,
        'straightforward_over_total': ms['straightforward'] / ms['total'],
        'total_over_products': ms['total'] / all_products,
        'without_projection': {
            'straightforward_over_total': beside['straightforward'] / beside['total'],
            'total_over_products': beside['total'] / ms['products other'],
        },
        'peak_memory_mib': peak_memory(work),
    }


def peak_memory(work):
    """MiB that one step needs at its peak beyond batch, model and bank; None where the system does not tell.

    On CUDA what the allocator handed out; on the CPU the resident memory of a fresh process, which hides nothing.
    """
    if torch.device(work.device).type == 'cuda':
        step = Step(work)
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        step.fast()
        return (torch.cuda.max_memory_allocated() - before) / MIB
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload([__name__])  # so that one import serves any number of fresh processes
    with context.Pool(1) as pool:
        return pool.apply(_peak_resident, (work, torch.get_num_threads()))


def _peak_resident(work, threads):
    torch.set_num_threads(threads)
    Step(Workload(images=1, size=8)).fast()  # loads what the first step of a process loads
    return resident_peak(Step(work).fast)


def _labels(work, shape, g):
    """Blobs of three classes an image on background, as much foreground as gives the queries asked for."""
    coarse = torch.nn.functional.interpolate(torch.rand(work.images, 4, 5, 5, generator=g), shape[1:], mode='bilinear')
    classes = torch.randint(1, work.classes, (work.images, 3), generator=g)
    label = classes.gather(1, coarse[:, :3].argmax(1).flatten(1)).view(shape)
    low, high = 0.0, 1.0
    for _ in range(10):
        share = (low + high) / 2
        found = label.where(coarse[:, 3] > coarse[:, 3].quantile(1 - share), 0)
        view = segmentation_view(_logits(found, work, torch.Generator().manual_seed(0)), found, shape[1:])
        low, high = (low, share) if _candidates(view) > work.queries else (share, high)
    return found


def _candidates(view):
    found = queries(view.scores, view.probabilities, view.labels, view.valid, 0, view.rate, view.quantile)
    return int(found.sum())


def _logits(label, work, g):
    own = torch.nn.functional.one_hot(label, work.classes).movedim(3, 1)
    return 3 * own + 1.5 * torch.randn(own.shape, generator=g)
