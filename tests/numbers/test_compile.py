"""`torch.compile`: neck and host are compiled, the loss runs outside of the graphs, and all values are the same."""
import pytest
import torch
from pairs import CHANNELS, batch, parameters
from tiny_models import batch as images_of
from tiny_models import fbr_of, segmentor
from torch import nn
from torch._dynamo.utils import counters
from torch.nn import functional as F

from mmfbr.core import segmentation_view
from mmfbr.models import FBRLoss, FBRNeck

pytestmark = pytest.mark.filterwarnings('ignore')


@pytest.fixture(autouse=True)
def fresh_compiler():
    torch.compiler.reset()
    counters.clear()
    yield
    torch.compiler.reset()


class Host(nn.Module):
    """The smallest network with FBR: a convolution, the neck, a classifier; its loss is called as mmseg's heads do, or
    by ``contrast``, as `CAMHead` does."""

    def __init__(self, by_contrast):
        super().__init__()
        self.by_contrast = by_contrast
        torch.manual_seed(0)
        self.encoder, self.head = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 4, 1)
        self.neck = FBRNeck(in_channels=8, channels=CHANNELS, neck=dict(type='mmseg.FPN', in_channels=[8],
                                                                       out_channels=8, num_outs=1))
        self.fbr = FBRLoss(nroi=dict(capacity=50, channels=CHANNELS), sampler=dict(num_negatives=12))

    def forward(self, pixels, label):
        maps = self.neck([self.encoder(pixels).relu()])
        logits = F.interpolate(self.head(maps[0]), label.shape[1:], mode='bilinear')
        value = F.cross_entropy(logits, label, ignore_index=255)
        if not self.by_contrast:
            return value + self.fbr(logits, label)
        given = logits.detach()
        return value + self.fbr.contrast(lambda: segmentation_view(given, label, maps[0].shape[2:]), logits)


def trained(model, call, batches, total=lambda value: value):
    optimizer, values = torch.optim.SGD(model.parameters(), 0.05), []
    torch.manual_seed(3)  # the host's dropout draws from here
    for data in batches:
        optimizer.zero_grad()
        value = total(call(*data))
        value.backward()
        optimizer.step()
        values.append(value.item())
    return values, model.state_dict()


def check(eager, compiled):
    assert compiled[0] == pytest.approx(eager[0], rel=1e-5)
    for key, value in eager[1].items():
        if not key.endswith('nroi.bits'):  # integers; the floats they are follow
            torch.testing.assert_close(compiled[1][key], value, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize('by_contrast', [False, True])
def test_a_network_with_neck_and_loss(by_contrast):
    batches = [batch(length=3, seed=seed)[::2] for seed in range(2)]
    eager, host = Host(by_contrast), Host(by_contrast)
    check(trained(eager, eager, batches), trained(host, torch.compile(host, backend='aot_eager'), batches))
    torch.testing.assert_close(host.fbr.nroi.content, eager.fbr.nroi.content)
    assert host.fbr.nroi.fill > 0 and all(value.grad is not None for value in parameters(host.neck).values())
    # What precedes the loss and what follows it, but nothing of its own, which is some forty pieces.
    assert 1 <= counters['stats']['unique_graphs'] <= 2
    assert [reason for reason in counters['graph_break'] if 'FBRLoss' not in reason] == []


def test_the_neck_alone_is_one_graph():
    neck, features = FBRNeck(in_channels=8, channels=CHANNELS), [torch.randn(2, 8, 4, 4)]
    found = torch.compile(neck.eval(), backend='aot_eager', fullgraph=True)(features)
    assert torch.equal(found[0], features[0])


def test_a_model_of_mmseg():
    data = [images_of(seed=seed) for seed in range(2)]

    def total(losses):
        return sum(value for key, value in losses.items() if 'loss' in key)
    eager, model = segmentor(), segmentor()
    expected = trained(eager, eager.loss, data, total)
    check(expected, trained(model, torch.compile(model.loss, backend='eager'), data, total))
    torch.testing.assert_close(fbr_of(model).nroi.content, fbr_of(eager).nroi.content)
    assert not [reason for reason in counters['graph_break'] if 'sampler' in reason or 'kmeans' in reason]
