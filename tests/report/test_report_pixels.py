"""NROIs and queries of an image whose features are its colours: red speaks for the one class, green and blue do not."""
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mmfbr.cam import CamSettings
from mmfbr.files import InputError
from mmfbr.models import CAMDataPreprocessor, CAMHead, FBRNeck
from mmfbr.report.pixels import image_cells

RED = np.array([[100, 90, 0, 0], [80, 70, 0, 0], [60, 0, 0, 0], [0, 0, 0, 0]])


@pytest.fixture
def model():
    fbr = dict(type='FBRLoss', nroi=dict(num_clusters=2, capacity=10, channels=2), sampler=dict(num_negatives=4))
    neck = FBRNeck(3, 0, channels=2)
    head = CAMHead(3, 2, in_index=0, loss_decode=[dict(type='MultiLabelSoftMarginLoss'), fbr])
    with torch.no_grad():
        head.classifier.weight.copy_(torch.tensor([1., 0, 0]).view(1, 3, 1, 1))
        neck.phi_bg.weight.copy_(torch.tensor([[0., 1, 0], [0, 0, 1]]).view(2, 3, 1, 1))
    preprocessor = CAMDataPreprocessor(mean=[0.] * 3, std=[1.] * 3, bgr_to_rgb=True)
    return SimpleNamespace(neck=neck.eval(), decode_head=head.eval(), data_preprocessor=preprocessor,
                           extract_feat=lambda x: neck((F.avg_pool2d(x, 16),)))


def image():
    cells = np.zeros((4, 4, 3), np.uint8)
    cells[..., 0] = RED
    cells[:3, 2:, 1] = 100
    cells[3, :, 2] = 100
    cells[2, 1, 2] = 90
    return np.repeat(np.repeat(cells, 16, axis=0), 16, axis=1)


def test_clusters_and_queries(model):
    found = image_cells(model, image(), np.array([True, True]), CamSettings())
    np.testing.assert_array_equal(found.clusters == -1, RED > 0)
    green, blue = found.clusters[0, 2], found.clusters[3, 0]
    assert {green, blue} == {0, 1}
    np.testing.assert_array_equal(found.clusters[:3, 2:], green)
    np.testing.assert_array_equal(found.clusters[3], blue)
    assert found.clusters[2, 1] == blue
    # Of the five, 100 is above the rank (0.6) and 90 below the quantile of the entropy (0.1 of 16 cells).
    np.testing.assert_array_equal(found.queries, (RED > 0) & (RED < 90))


def test_sampler_settings_count(model):
    model.decode_head.loss_decode[1].sampler.rate = 0.0
    assert image_cells(model, image(), np.array([True, True]), CamSettings()).queries.sum() == 1


def test_size_of_the_input(model):
    found = image_cells(model, image()[:, :40], np.array([True, True]), CamSettings(size=(32, 80)))
    assert found.clusters.shape == found.queries.shape == (2, 5)


def test_image_without_foreground(model):
    found = image_cells(model, image(), np.array([True, False]), CamSettings())
    assert (found.clusters >= 0).all() and not found.queries.any()


def test_model_without_fbr(model):
    del model.decode_head.loss_decode[1]
    with pytest.raises(InputError, match='need a model with an FBRNeck and an FBRLoss'):
        image_cells(model, image(), np.array([True, True]), CamSettings())
