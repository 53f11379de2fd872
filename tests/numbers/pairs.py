"""A neck and a loss without a host, and steps on them, for the tests beside this file."""
import torch

from mmfbr.models import FBRLoss, FBRNeck

TERMS = ('w_if', 'w_fb', 'w_decouple', 'w_bg_seg')
CHANNELS, LENGTH = 16, 32  # of an embedding, of the map


def pair(length=LENGTH, clusters=3, negatives=12, queries=8192, init='random', **settings):
    """A neck and the loss that reads it, the same at each call."""
    torch.manual_seed(0)
    neck = FBRNeck(in_channels=length, channels=CHANNELS)
    loss = FBRLoss(nroi=dict(num_clusters=clusters, capacity=50, channels=CHANNELS, init=init),
                   sampler=dict(num_negatives=negatives, max_queries=queries), **settings)
    return neck, loss.bind(neck)


def batch(images=2, classes=4, size=8, label_size=16, length=LENGTH, seed=1):
    """A map (N, L, H, W), logits at the size of the labels, and labels of all classes and 255."""
    g = torch.Generator().manual_seed(seed)
    feature = torch.randn(images, length, size, size, generator=g)
    logits = torch.randn(images, classes, label_size, label_size, generator=g)
    palette = torch.tensor([*range(classes), 255])
    return feature, logits, palette[torch.randint(classes + 1, (images, label_size, label_size), generator=g)]


def step(neck, loss, feature, logits, label, **call):
    """The value of a step and the gradient that reaches the map."""
    feature = feature.detach().clone().requires_grad_()
    neck([feature])
    value = loss(logits, label, **call)
    value.backward()
    return value.detach(), feature.grad


def parameters(neck):
    return {name: value for name, value in neck.named_parameters() if name.startswith('phi')}
