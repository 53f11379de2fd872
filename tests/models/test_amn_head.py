"""`AMNHead`: conditioned on the image's labels, trained where pixels are sure, and FBR on its logits."""
import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from tiny_models import batch, fbr_loss, fbr_of

from mmfbr.cam.inference import CamSettings, batch_cams
from mmfbr.core.amn import balanced_cross_entropy
from mmfbr.files import InputError
from mmfbr.models import BalancedCrossEntropyLoss
from mmfbr.registry import MODELS


def model(fbr=False, seed=0, **head):
    torch.manual_seed(seed)
    losses = [dict(type='BalancedCrossEntropyLoss')] + ([fbr_loss(w_bg_seg=0.0)] if fbr else [])
    built = MODELS.build(dict(
        type='CAMSegmentor',
        data_preprocessor=dict(type='mmseg.SegDataPreProcessor', mean=[0.] * 3, std=[1.] * 3, size_divisor=16),
        backbone=dict(type='mmseg.ResNet', depth=18, stem_channels=8, base_channels=8, strides=(1, 2, 1, 1),
                      norm_cfg=dict(type='BN'), norm_eval=True),
        neck=dict(type='FBRNeck', in_channels=64, in_index=3, channels=16) if fbr else None,
        decode_head=dict(type='AMNHead', in_channels=64, in_index=3, num_classes=4, dilations=(1, 2),
                         loss_decode=losses, **head),
        train_cfg=None, test_cfg=ConfigDict(mode='whole')))
    built.init_weights()
    return built.train()


def test_loss_is_that_of_the_labels_at_the_cells_centres():
    built, (pixels, samples) = model(dropout=0.0), batch(present=[[0, 1, 2, 3]] * 2)
    samples[1].gt_sem_seg.data[:, :16] = 255
    samples[0].gt_sem_seg.data = torch.randint(0, 4, (1, 32, 32), generator=torch.Generator().manual_seed(2))
    maps = built.extract_feat(pixels)
    logits = built.decode_head(maps)
    label = torch.stack([sample.gt_sem_seg.data[0, 4::8, 4::8] for sample in samples])
    assert logits.shape == (2, 4, 4, 4) and label.shape == (2, 4, 4)
    losses = built.loss(pixels, samples)
    torch.testing.assert_close(losses['decode.loss_pixel'], balanced_cross_entropy(logits, label, smoothing=0.4))


def test_the_images_labels_scale_the_features():
    built, (pixels, _) = model().eval(), batch()
    head, maps = built.decode_head, built.extract_feat(pixels)
    present = torch.tensor([[True, True, False, False], [True, False, False, True]])
    code = head.label_encoder(present[:, 1:].float())[..., None, None]
    expected = sum(branch(maps[3] * code) for branch in head.classifier)
    torch.testing.assert_close(head(maps, present), expected)
    torch.testing.assert_close(head(maps), head(maps, torch.ones(2, 4, dtype=torch.bool)))
    assert not torch.allclose(head(maps, present), head(maps))
    # The background is in every image: it makes no difference whether it is said.
    torch.testing.assert_close(head(maps, present), head(maps, present & torch.tensor([False, True, True, True])))


def test_cams_are_probabilities_given_the_labels():
    built = model().eval()
    image = np.random.default_rng(0).integers(0, 255, (32, 48, 3), dtype=np.uint8)
    present = np.array([True, True, False, True])
    settings = CamSettings(scales=(1.0, ), flip=False)
    (maps, classes), = batch_cams(built, [image], [present], settings)
    pixels = torch.from_numpy(image[..., ::-1].transpose(2, 0, 1).copy())[None].float()
    expected = built.decode_head(built.extract_feat(pixels), torch.from_numpy(present)[None]).softmax(1)[0, [1, 3]]
    expected = torch.nn.functional.interpolate(expected[None], (32, 48), mode='bilinear', align_corners=False)[0]
    torch.testing.assert_close(maps, expected / expected.amax((1, 2), keepdim=True), rtol=1e-4, atol=1e-5)
    assert classes.tolist() == [1, 3]
    both = batch_cams(built, [image] * 2, [present, ~present], CamSettings(scales=(1.0, )))
    torch.testing.assert_close(both[0][0], batch_cams(built, [image], [present], CamSettings(scales=(1.0, )))[0][0])


def test_predictions_say_what_each_class_is_worth():
    built = model().eval()
    for sample in built.predict(*batch()):
        scores = sample.seg_logits.data
        torch.testing.assert_close(scores.sum(0), torch.ones(32, 32))
        assert torch.equal(sample.pred_sem_seg.data[0], scores.argmax(0)) and sample.pred_label.score[0] == 0


def test_fbr_is_that_of_a_segmentation_host():
    plain, host = model(), model(fbr=True)
    pixels, samples = batch()
    torch.manual_seed(1)
    alone = plain.loss(pixels, samples)
    torch.manual_seed(1)
    losses = host.loss(pixels, samples)
    assert {*losses} == {'decode.loss_pixel', 'decode.loss_fbr'}
    assert torch.equal(losses['decode.loss_pixel'], alone['decode.loss_pixel'])
    assert fbr_of(host).nroi.fill > 0 and losses['decode.loss_fbr'] > 0
    sum(losses.values()).backward()
    assert not [name for name, p in host.named_parameters() if p.grad is None]
    view = host.decode_head.pixel_view(host.extract_feat(pixels), samples[0].gt_label.multi_hot[None].repeat(2, 1))
    assert (view.rate, view.quantile, view.prototype_divisor) == (0.4, 0.25, 32)


def test_what_is_missing_is_named():
    pixels, samples = batch()
    del samples[0].gt_sem_seg
    with pytest.raises(InputError, match=r'carry none: name their folder .*seg_map_path'):
        model().loss(pixels, samples)
    with pytest.raises(ValueError, match='smoothing must lie in'):
        BalancedCrossEntropyLoss(smoothing=1.0)
