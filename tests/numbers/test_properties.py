"""Any batch, drawn by hypothesis: finite, gradients of the right shape, and no class or image comes first.

``MMFBR_EXAMPLES=5000 pytest tests/numbers/test_properties.py`` draws so many batches, other ones each time; without it
the batches are few and always the same.
"""
import os
from dataclasses import replace

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pairs import CHANNELS, LENGTH, pair, parameters, step

from mmfbr.core import cam_view, class_graph, prototypes, queries, segmentation_view
from mmfbr.core.kmeans import _lloyd

EXAMPLES = os.environ.get('MMFBR_EXAMPLES')
DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16]


def examples(count):
    return settings(max_examples=int(EXAMPLES or count), derandomize=EXAMPLES is None, deadline=None, database=None,
                    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@st.composite
def labels_of(draw, images, size, classes, ignore_index, generator):
    """(N, h, w): each image has any few of the classes and perhaps ignored pixels, or nothing else."""
    values = [*range(classes), *([] if ignore_index is None else [ignore_index])]
    maps = []
    for _ in range(images):
        palette = torch.tensor(draw(st.lists(st.sampled_from(values), min_size=1, max_size=4)))
        maps.append(palette[torch.randint(len(palette), size, generator=generator)])
    return torch.stack(maps)


@st.composite
def steps(draw):
    """Maps, logits and labels of two steps, the settings of a neck and a loss, and how the loss is called."""
    images, height, width = (draw(st.integers(1, most)) for most in (3, 7, 7))
    stride = draw(st.sampled_from([1, 2, 4]))
    size = tuple(max(1, side * stride - draw(st.integers(0, stride - 1))) for side in (height, width))
    channels = draw(st.integers(1, 5))
    classes = max(channels, 2)  # of a head with one channel for two
    ignore_index = draw(st.sampled_from([255, 0, -1, None]))
    g = torch.Generator().manual_seed(draw(st.integers(0, 9999)))
    dtype, logit_dtype = draw(st.sampled_from(DTYPES)), draw(st.sampled_from(DTYPES))
    scale, sharpness = draw(st.sampled_from([0, 1e-3, 1, 1e4])), draw(st.sampled_from([0, 1, 30, 6e4]))
    of_step = [((scale * torch.randn(images, LENGTH, height, width, generator=g)).to(dtype),
                (sharpness * torch.randn(images, channels, *size, generator=g)).clamp(-6e4, 6e4).to(logit_dtype),
                draw(labels_of(images, size, classes, ignore_index, g))) for _ in range(2)]
    made = dict(clusters=draw(st.integers(1, 4)), negatives=draw(st.integers(1, 9)), queries=draw(st.integers(1, 60)),
                init=draw(st.sampled_from(['random', 'k-means++'])),
                bg_index=draw(st.one_of(st.none(), st.integers(0, classes - 1))))
    return of_step, made, ignore_index


def check(neck, loss, feature, value, gradient):
    assert value.shape == () and value.isfinite() and value >= -1e-6, value
    assert gradient.shape == feature.shape and gradient.dtype == feature.dtype and gradient.isfinite().all()
    for name, parameter in parameters(neck).items():
        assert parameter.grad.shape == parameter.shape and parameter.grad.isfinite().all(), name
    assert loss.nroi.content.isfinite().all() and 0 <= loss.nroi.fill <= loss.nroi.capacity


@examples(60)
@given(drawn=steps())
def test_segmentation_hosts(drawn):
    of_step, made, ignore_index = drawn
    neck, loss = pair(**made)
    for feature, logits, label in of_step:
        check(neck, loss, feature, *step(neck, loss, feature, logits, label, ignore_index=ignore_index))


@examples(40)
@given(drawn=steps(), present=st.lists(st.booleans(), min_size=30, max_size=30), shut=st.integers(0, 3))
def test_cam_hosts(drawn, present, shut):
    of_step, made, _ = drawn
    made['bg_index'] = made['bg_index'] or 0
    neck, loss = pair(**made)
    for feature, logits, _ in of_step:
        images, classes = len(feature), max(logits.shape[1], 2)
        cam = torch.nn.functional.interpolate(logits.float(), feature.shape[2:]).expand(-1, classes, -1, -1)
        valid = torch.ones_like(feature[:, 0], dtype=torch.bool)
        valid[:, :, :shut] = False  # padding, of a narrow map all of it
        hot = torch.tensor(present[:images * classes]).view(images, classes)
        leaf = feature.clone().requires_grad_()
        neck([leaf])
        value = loss.contrast(lambda c=cam, h=hot, v=valid: cam_view(c, h, v, made['bg_index']))
        value.backward()
        check(neck, loss, feature, value.detach(), leaf.grad)


# Equivariance

@st.composite
def permuted(draw):
    """A batch without equal scores, its background, and orders of its images and classes."""
    images, height, width = (draw(st.integers(1, most)) for most in (4, 6, 6))
    classes, g = draw(st.integers(2, 6)), torch.Generator().manual_seed(draw(st.integers(0, 9999)))
    size = (height, width)
    feature = torch.randn(images, LENGTH, *size, generator=g)
    logits = torch.randn(images, classes, *size, generator=g, dtype=torch.float64)
    label = draw(labels_of(images, size, classes, 255, g))
    bg_index = draw(st.one_of(st.none(), st.integers(0, classes - 1)))
    return (feature, logits, label, bg_index, *(torch.tensor(draw(st.permutations(range(count))))
                                                for count in (images, classes)))


def reordered(logits, label, bg_index, images, classes):
    """The same batch with image ``images[i]`` as the i-th and class ``classes[c]`` as class c."""
    place = torch.full((256,), 255).scatter(0, classes, torch.arange(len(classes)))
    return logits[images][:, classes], place[label[images]], None if bg_index is None else int(place[bg_index]), place


def moved(plan, images, place, cells):
    """A plan whose pixels and classes have the places that ``reordered`` gives them."""
    def pixel(index):
        return images.argsort()[index // cells] * cells + index % cells
    order, of_group = place[plan.classes].argsort(stable=True), place[plan.groups].argsort()
    classes = place[:len(plan.prototypes)].argsort()
    return replace(plan, queries=pixel(plan.queries)[order], classes=place[plan.classes][order], keep=plan.keep[order],
                   prototypes=plan.prototypes[classes], groups=place[plan.groups][of_group],
                   negatives=pixel(plan.negatives)[of_group], against=plan.against[of_group],
                   contrasted=plan.contrasted[of_group])


def value_of(feature, logits, label, bg_index, plan=None):
    """Value, gradient and plan of a step with a filled bank; ``plan`` instead of the sampler's own."""
    with pytest.MonkeyPatch.context() as patch:
        neck, loss = pair(bg_index=bg_index)
        loss.nroi.push(torch.rand(9, CHANNELS, generator=torch.Generator().manual_seed(0)))
        loss.eval(), neck.eval()  # no dropout, whose mask belongs to places
        loss._steps, made = 1, []
        sampled = loss.sampler.plan
        patch.setattr(loss.sampler, 'plan', lambda *args: made.append(plan or sampled(*args)) or made[-1])
        negatives = torch.randn(12, CHANNELS, generator=torch.Generator().manual_seed(1))
        patch.setattr(loss.nroi, 'sample', lambda *args: negatives)
        return (*step(neck, loss, feature, logits, label), made[0])


@examples(40)
@given(batch=permuted())
def test_values_and_gradients_follow_the_order_of_images_and_classes(batch):
    feature, logits, label, bg_index, images, classes = batch
    value, gradient, plan = value_of(feature, logits, label, bg_index)
    logits, label, bg_index, place = reordered(logits, label, bg_index, images, classes)
    plan = moved(plan, images, place, label[0].numel())
    assert (plan.classes.diff() >= 0).all() and (plan.groups.diff() > 0).all()
    found = value_of(feature[images], logits, label, bg_index, plan)
    torch.testing.assert_close(found[0], value, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(found[1], gradient[images], rtol=1e-3, atol=1e-6)


@examples(40)
@given(batch=permuted())
def test_what_sampling_draws_from_follows_the_order_of_images_and_classes(batch):
    feature, logits, label, bg_index, images, classes = batch
    z = feature.permute(0, 2, 3, 1).double()

    def bases(z, logits, label, bg_index):
        view = segmentation_view(logits, label, label.shape[1:], bg_index)
        s, y, valid = view.scores, view.labels, view.valid
        means, present = prototypes(z, s, y, valid, bg_index, view.prototype_divisor)
        target = valid & view.background_target if bg_index is not None else torch.zeros_like(valid)
        unsure = queries(s, view.probabilities, y, valid, bg_index, view.rate, view.quantile)
        return target, unsure, means, present, class_graph(means, present, 0.5)[0]
    target, unsure, means, present, graph = bases(z, logits, label, bg_index)
    found = bases(z[images], *reordered(logits, label, bg_index, images, classes)[:3])
    assert torch.equal(found[0], target[images]) and torch.equal(found[1], unsure[images])
    torch.testing.assert_close(found[2], means[classes])
    assert torch.equal(found[3], present[classes])
    torch.testing.assert_close(found[4], graph[classes][:, classes])


@examples(30)
@given(batch=permuted(), clusters=st.integers(1, 4))
def test_nrois_follow_the_order_of_images(batch, clusters):
    feature, _, label, _, images, _ = batch
    points, mask = feature.flatten(2).transpose(1, 2), (label != 255).flatten(1)
    start = mask.float().argsort(dim=1, descending=True, stable=True)[:, :clusters]
    start = torch.nn.functional.pad(start, (0, clusters - start.shape[1]))
    nroi, exists = _lloyd(points, mask, start, 10)
    found = _lloyd(points[images], mask[images], start[images], 10)
    assert torch.equal(found[1], exists[images])
    torch.testing.assert_close(found[0][exists[images]], nroi[images][exists[images]], rtol=1e-4, atol=1e-5)
