"""`CAMHead` and `CAMSegmentor`: pooling, valid pixels, predictions, and what they say of wrong samples."""
import pytest
import torch
from tiny_models import batch, cam_segmentor

from mmfbr.models.cam_head import (
    CAMHead,
    average_pool,
    max_pool,
    normalise_by_max,
    thresholded_average_pool,
    valid_pixels,
)


def slow_tap(feature, valid, threshold):
    out = torch.zeros(feature.shape[:2])
    for n in range(len(feature)):
        for c in range(feature.shape[1]):
            x = feature[n, c][valid[n]]
            if len(x):
                above = x[x > threshold * x.max()]
                out[n, c] = above.mean() if len(above) else x.max()
    return out


def test_pooling_over_valid_pixels():
    feature = torch.randn(3, 5, 4, 6)
    feature[0, 0], feature[0, 1], feature[0, 2] = 2.5, 0., -1.
    valid = torch.rand(3, 4, 6) < 0.7
    valid[2] = False
    torch.testing.assert_close(thresholded_average_pool(feature, valid, 0.1), slow_tap(feature, valid, 0.1))
    pairs = list(zip(feature, valid, strict=True))
    expected = torch.stack([f[:, v].mean(1) if v.any() else torch.zeros(5) for f, v in pairs])
    torch.testing.assert_close(average_pool(feature, valid), expected)
    expected = torch.stack([f[:, v].amax(1) if v.any() else torch.zeros(5) for f, v in pairs])
    torch.testing.assert_close(max_pool(feature, valid), expected)
    assert thresholded_average_pool(feature, valid | True)[0, :3].tolist() == [2.5, 0, -1]  # flat: its own value


def test_gap_logits_are_the_mean_of_the_cam():
    head, feature = CAMHead(8, 4), torch.randn(2, 8, 4, 4)
    logits = head.classify(feature, torch.ones(2, 4, 4, dtype=torch.bool))
    torch.testing.assert_close(logits, head(feature).mean((2, 3)))


def test_a_prior_is_where_the_probabilities_start_and_is_not_in_the_maps():
    head, feature = CAMHead(8, 4, prior=0.2), torch.zeros(2, 8, 4, 4)
    logits = head.classify(feature, torch.ones(2, 4, 4, dtype=torch.bool))
    torch.testing.assert_close(logits.sigmoid(), torch.full((2, 3), 0.2))
    assert not head(feature).any()
    logits.sum().backward()
    assert head.bias.grad.all()
    assert head.image_scores(feature)[:, 1:].sub(0.2).abs().max() < 1e-6
    for prior in (0, 1, -0.5):
        with pytest.raises(ValueError, match='prior'):
            CAMHead(8, 4, prior=prior)


@pytest.mark.parametrize('pooling', ['gap', 'tap', 'max'])
def test_padding_does_not_change_the_logits(pooling):
    torch.manual_seed(0)
    head, feature = CAMHead(8, 4, pooling=pooling), torch.randn(1, 8, 4, 4)
    padded = torch.nn.functional.pad(feature, (0, 2, 0, 4), value=9.)
    _, (sample, ) = batch(images=1)
    sample.set_metainfo(dict(img_shape=(64, 64), padding_size=(0, 32, 0, 64)))
    valid = valid_pixels(padded, [sample])
    assert valid[0, :4, :4].all() and valid.sum() == 16
    torch.testing.assert_close(head.classify(padded, valid), head.classify(feature, torch.ones_like(feature[:, 0]) > 0))


@pytest.mark.parametrize('bg_index', [0, 2, 3])
def test_predictions_put_the_background_where_it_belongs(bg_index):
    model = cam_segmentor(head=dict(bg_index=bg_index), bg_index=bg_index).eval()
    results = model.predict(*batch())
    for sample in results:
        scores = sample.seg_logits.data
        assert scores.shape == (4, 32, 32) and (scores[bg_index] == model.decode_head.bg_score).all()
        assert scores.min() >= 0 and scores.max() <= 1
        assert torch.equal(sample.pred_sem_seg.data[0], scores.argmax(0))
        assert sample.pred_label.score.shape == (4, ) and sample.pred_label.score[bg_index] == 0


def test_training_reads_labels_and_never_masks():
    model = cam_segmentor()
    pixels, samples = batch()
    for sample in samples:
        del sample.gt_sem_seg
    losses = model.loss(pixels, samples)
    assert set(losses) == {'decode.loss_cls', 'decode.loss_fbr'} and all(torch.isfinite(v) for v in losses.values())


def test_wrong_samples_and_arguments_are_named():
    model = cam_segmentor()
    with pytest.raises(ValueError, match='num_classes=4, but the data set has 6 classes'):
        model.loss(*batch(num_classes=6))
    pixels, samples = batch()
    del samples[0].gt_label
    with pytest.raises(ValueError, match='PackImageLabelInputs'):
        model.loss(pixels, samples)
    with pytest.raises(ValueError, match="'gap', 'tap' or 'max'"):
        CAMHead(8, 4, pooling='mean')
    with pytest.raises(ValueError, match='bg_index=4'):
        CAMHead(8, 4, bg_index=4)


def test_normalisation_keeps_flat_zero_maps():
    maps = torch.stack([torch.zeros(2, 2), torch.tensor([[0., 2.], [4., 1.]])])
    assert normalise_by_max(maps).tolist() == [[[0, 0], [0, 0]], [[0, 0.5], [1, 0.25]]]
