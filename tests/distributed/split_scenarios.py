"""A batch split among processes, and the same batch in one: values and gradients of FBR's terms."""
import copy

import torch
from process_group import scenario
from tiny_models import fbr_loss
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from mmfbr.core.sampler import queries
from mmfbr.core.views import segmentation_view
from mmfbr.models import FBRNeck
from mmfbr.registry import MODELS

TERMS = ('w_if', 'w_fb', 'w_decouple', 'w_bg_seg')
EACH, CLASSES, SIDE = 2, 6, 12  # images of a process


class Host(nn.Module):
    """Maps without normalisation over the batch, which would tell a part from the whole."""

    def __init__(self, term, **nroi):
        super().__init__()
        torch.manual_seed(0)
        self.encoder, self.neck = nn.Conv2d(3, 8, 3, padding=1), FBRNeck(in_channels=8, channels=16)
        self.loss = MODELS.build(fbr_loss(nroi=dict(channels=16, **nroi), max_pixels=None,  # which ones is chance
                                          **{**dict.fromkeys(TERMS, 0.), term: 1.}))
        self.neck.phi_seg.dropout = 0  # whose draws differ

    def forward(self, images, logits, labels):
        feature = self.encoder(images)
        self.neck(feature)
        return self.loss(logits, labels)


def whole_batch(world, shared=True, ignored=0):
    """Images, class logits, labels: left half background, right half classes, which with ``shared`` are in all
    processes and without it one to a process. In the first process ``ignored`` rows do not count."""
    generator, images = torch.Generator().manual_seed(4), EACH * world
    labels = torch.zeros(images, SIDE, SIDE, dtype=torch.long)
    for index in range(images):
        labels[index, :, SIDE // 2:] = 1 + index // EACH
        if shared:
            labels[index, :SIDE // 2, SIDE // 2:] = CLASSES - 1
            labels[index, SIDE // 2:, SIDE // 2:] = 1 + index % EACH
    labels[:EACH, :ignored] = 255
    return (torch.randn(images, 3, SIDE, SIDE, generator=generator),
            torch.randn(images, CLASSES, SIDE, SIDE, generator=generator), labels)


def compared(rank, world, term, batch, share=None, **nroi):
    """|mean of the processes' losses - loss of the whole batch|, the same of the gradients, the bank's content.

    Args:
        share (float | None): weight of this process's loss; None: the mean over processes that DDP takes.
    """
    model = Host(term, **{'num_clusters': 1, 'capacity': 1, **nroi})
    alone = copy.deepcopy(model)
    alone.loss.nroi.gather = False
    part = [tensor[EACH * rank:EACH * (rank + 1)] for tensor in batch]
    factor = 1 if share is None else share * world
    parallel = DistributedDataParallel(model, broadcast_buffers=False)
    split = parallel(*part) * factor
    split.backward()
    whole = alone(*batch)
    whole.backward()
    mean = split.detach().clone()
    distributed.all_reduce(mean)
    gradient, expected = (torch.cat([p.grad.flatten() for p in m.parameters()]) for m in (model, alone))
    rows = [m.loss.nroi.content[:int(m.loss.nroi.fill)].tolist() for m in (model, alone)]
    return dict(value=abs(float(mean / world - whole)), gradient=float((gradient - expected).abs().max()),
                size=float(expected.abs().max()), rows=rows)


@scenario(4)
def split_batch(rank, world):
    batch, ignoring = whole_batch(world), whole_batch(world, ignored=5)
    one_each = whole_batch(world, shared=False)
    valid = (ignoring[2] != 255).flatten(1).sum(1)
    share = float(valid[EACH * rank:EACH * (rank + 1)].sum() / valid.sum())
    views = [segmentation_view(*tensors, (SIDE, SIDE)) for tensors in (
        batch[1:], [tensor[EACH * rank:EACH * (rank + 1)] for tensor in batch[1:]])]
    whole, own = (queries(v.scores, v.probabilities, v.labels, v.valid, 0, v.rate, v.quantile) for v in views)
    return dict(
        queries=int(own.sum()), same_queries=bool(whole[EACH * rank:EACH * (rank + 1)].equal(own)),
        bank=compared(rank, world, 'w_fb', batch, capacity=50),
        decouple=compared(rank, world, 'w_decouple', batch),
        decouple_unequal=compared(rank, world, 'w_decouple', ignoring),
        decouple_weighted=compared(rank, world, 'w_decouple', ignoring, share=share),
        fb_own_classes=compared(rank, world, 'w_fb', one_each),
        fb_shared_classes=compared(rank, world, 'w_fb', batch),
        intra=compared(rank, world, 'w_if', batch), bg_seg=compared(rank, world, 'w_bg_seg', batch))
