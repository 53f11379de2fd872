"""`PTCHead`: two classifiers, the contrast between them, and FBR on the final tokens of a transformer."""
import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.logging import MessageHub
from tiny_models import batch, fbr_loss, fbr_of

from mmfbr.cam.inference import CamSettings, batch_cams
from mmfbr.core.ptc import token_contrast, token_labels
from mmfbr.models import PatchTokenContrastLoss
from mmfbr.registry import MODELS

PRESENT = [[0, 1, 2], [0, 3]]


def model(fbr=False, seed=0, **head):
    torch.manual_seed(seed)
    losses = [dict(type='MultiLabelSoftMarginLoss')] + ([fbr_loss()] if fbr else [])
    built = MODELS.build(dict(
        type='CAMSegmentor',
        data_preprocessor=dict(type='mmseg.SegDataPreProcessor', mean=[0.] * 3, std=[1.] * 3, size_divisor=8),
        backbone=dict(type='mmseg.VisionTransformer', img_size=(32, 32), patch_size=8, embed_dims=32, num_layers=3,
                      num_heads=2, out_indices=(1, 2), final_norm=True),
        neck=dict(type='FBRNeck', in_channels=32, in_index=1, channels=16) if fbr else None,
        decode_head=dict(type='PTCHead', in_channels=32, in_index=1, num_classes=4, loss_decode=losses, **head),
        train_cfg=None, test_cfg=ConfigDict(mode='whole')))
    built.init_weights()
    return built.train()


@pytest.fixture
def iteration():
    """Sets the iteration that the run says it is at."""
    hub = MessageHub.get_current_instance()
    yield lambda number: hub.update_info('iter', number)
    hub.runtime_info.pop('iter', None)


def test_losses_are_those_of_the_final_map_of_the_one_before_and_of_their_contrast():
    built = model(prior=0.3, aux_weight=2.0, loss_ptc=dict(low=0.3, high=0.6))
    pixels, samples = batch(present=PRESENT)
    samples[1].set_metainfo(dict(img_shape=(32, 24), padding_size=(0, 8, 0, 0)))
    head, (aux, final) = built.decode_head, built.extract_feat(pixels)
    assert aux.shape == final.shape == (2, 32, 4, 4)
    losses = built.loss(pixels, samples)
    assert {*losses} == {'decode.loss_cls', 'decode.loss_aux', 'decode.loss_ptc'}
    valid = torch.ones(2, 4, 4, dtype=torch.bool)
    valid[1, :, 3] = False
    hot = torch.zeros(2, 4, dtype=torch.bool)
    hot[0, [1, 2]], hot[1, 3] = True, True
    for name, part, maps, weight in (('cls', head, final, 1), ('aux', head.aux, aux, 2)):
        strongest = torch.stack([m[:, v].amax(1) for m, v in zip(maps, valid, strict=True)])
        logits = strongest @ part.classifier.weight[:, :, 0, 0].T + part.bias
        expected = torch.nn.functional.multilabel_soft_margin_loss(logits, hot[:, 1:].float())
        torch.testing.assert_close(losses[f'decode.loss_{name}'], weight * expected)
    aux_maps = torch.cat([torch.zeros(2, 1, 4, 4), head.aux(built.extract_feat(pixels))], 1)
    labels = token_labels(aux_maps, hot, valid, 0, 0.3, 0.6)
    assert len(labels.unique()) > 2
    torch.testing.assert_close(losses['decode.loss_ptc'], 0.2 * token_contrast(final, labels))


def test_intermediate_map_may_have_other_channels_of_its_own():
    head = MODELS.build(dict(type='PTCHead', in_channels=6, in_index=1, num_classes=4, aux_channels=5))
    maps = torch.rand(2, 5, 4, 4), torch.rand(2, 6, 4, 4)
    losses = head.loss(maps, batch(present=PRESENT)[1])
    assert all(value.isfinite() for value in losses.values()) and head.aux.in_channels == 5


def test_the_contrast_teaches_the_layers_and_no_classifier():
    built = model()
    built.loss(*batch(present=PRESENT))['decode.loss_ptc'].backward()
    touched = {name for name, p in built.named_parameters() if p.grad is not None and p.grad.any()}
    assert not [name for name in touched if name.startswith('decode_head')]
    assert {'backbone.layers.0.attn.attn.in_proj_weight', 'backbone.layers.2.ffn.layers.1.weight'} <= touched


def test_the_contrast_begins_when_it_is_told(iteration):
    built, values = model(loss_ptc=dict(begin=5)), {}
    for number in (0, 4, 5, 6):
        iteration(number)
        loss = built.loss(*batch(present=PRESENT))['decode.loss_ptc']
        assert loss.requires_grad
        values[number] = loss.item()
    assert values[0] == values[4] == 0 < values[5] == values[6]


def test_masks_are_made_from_the_final_tokens():
    built = model(seed=1).eval()
    image = np.random.default_rng(0).integers(0, 255, (32, 48, 3), dtype=np.uint8)
    present = np.array([True, True, False, True])
    (maps, classes), = batch_cams(built, [image], [present], CamSettings(scales=(1.0, ), flip=False, multiple=8))
    pixels = torch.from_numpy(image[..., ::-1].transpose(2, 0, 1).copy())[None].float()
    expected = built.decode_head.classifier(built.extract_feat(pixels)[1]).relu()[0, [0, 2]]
    expected = torch.nn.functional.interpolate(expected[None], (32, 48), mode='bilinear', align_corners=False)[0]
    assert (expected.amax((1, 2)) > 0).all()
    torch.testing.assert_close(maps, expected / expected.amax((1, 2), keepdim=True), rtol=1e-4, atol=1e-5)
    assert classes.tolist() == [1, 3]


def test_fbr_is_that_of_a_cam_host_on_the_final_tokens():
    plain, host = model(), model(fbr=True)
    pixels, samples = batch(present=PRESENT)
    alone, losses = plain.loss(pixels, samples), host.loss(pixels, samples)
    assert losses.pop('decode.loss_fbr') > 0 and fbr_of(host).nroi.fill > 0
    assert {*losses} == {*alone} and all(torch.equal(value, alone[name]) for name, value in losses.items())
    sum(host.loss(*batch(present=PRESENT, seed=2)).values()).backward()
    assert not [name for name, p in host.named_parameters() if p.grad is None]


def test_half_precision_gives_the_contrast_of_full_precision():
    built = model()
    full = built.loss(*batch(present=PRESENT))
    with torch.autocast('cpu', torch.bfloat16):
        half = built.loss(*batch(present=PRESENT))
    assert half['decode.loss_ptc'].dtype == torch.float32
    torch.testing.assert_close(half['decode.loss_ptc'], full['decode.loss_ptc'], rtol=0.05, atol=0.01)


def test_thresholds_out_of_range_are_named():
    for low, high in ((0.7, 0.25), (-0.1, 0.5), (0.2, 1.1)):
        with pytest.raises(ValueError, match='low <= high'):
            PatchTokenContrastLoss(low, high)
