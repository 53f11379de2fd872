"""`ViewCAMHead`, its view losses and `TwoViewCAMSegmentor`: SEAM, EPS and PPC put together, and FBR on two views."""
import numpy as np
import pytest
import reference
import torch
from mmengine.config import ConfigDict
from mmengine.structures import PixelData
from tiny_models import batch, fbr_loss

from mmfbr.core.ppc import class_prototypes, intra_view_contrast, pixel_labels, prototype_contrast
from mmfbr.core.views import min_max
from mmfbr.files import InputError
from mmfbr.models import EquivarianceLoss, FBRLoss, PrototypeContrastLoss, SaliencyLoss, ViewCAMHead
from mmfbr.models.saliency import stack_saliency
from mmfbr.models.view_head import CamView
from mmfbr.registry import MODELS

CLS, ER = dict(type='MultiLabelSoftMarginLoss'), dict(type='EquivarianceLoss')
SAL, PPC = dict(type='SaliencyLoss'), dict(type='PrototypeContrastLoss', in_channels=64, channels=16)


def model(losses=(CLS, ER), fbr=0, kind='TwoViewCAMSegmentor', pcm=True, seed=0, view_scale=0.5, **head):
    """A thin ResNet-18 with the head of SEAM, and ``fbr`` FBRLosses."""
    torch.manual_seed(seed)
    two_views = dict(view_scale=view_scale) if kind == 'TwoViewCAMSegmentor' else {}
    built = MODELS.build(dict(
        type=kind, **two_views,
        data_preprocessor=dict(type='mmseg.SegDataPreProcessor', mean=[0.] * 3, std=[1.] * 3, size_divisor=16),
        backbone=dict(type='mmseg.ResNet', depth=18, stem_channels=8, base_channels=8, strides=(1, 2, 1, 1),
                      out_indices=(1, 2, 3), norm_cfg=dict(type='BN'), norm_eval=True),
        neck=dict(type='FBRNeck', in_channels=64, in_index=2, channels=16) if fbr else None,
        decode_head={**dict(
            type='ViewCAMHead', in_channels=64, in_index=2, num_classes=4,
            pcm=dict(in_channels=(16, 32), in_index=(0, 1), channels=(8, 8)) if pcm else None,
            loss_decode=[*losses, *[fbr_loss() for _ in range(fbr)]]), **head},
        train_cfg=None, test_cfg=ConfigDict(mode='whole')))
    built.init_weights()
    return built.train()


def with_saliency(samples, size=32):
    for index, sample in enumerate(samples):
        sample.gt_saliency = PixelData(data=torch.full((1, size, size), 255 * (index % 2), dtype=torch.uint8))
    return samples


def random_view(size, refined=True, seed=0):
    g = torch.Generator().manual_seed(seed)
    maps = torch.randn(2, 3, 4, *size, generator=g)
    present = torch.tensor([[True, True, False, True], [True, False, True, False]])
    valid = torch.ones(2, *size, dtype=torch.bool)
    valid[1, :, size[1] - size[1] // 3:] = False
    cam = maps[:, 0].clone()
    cam[:, 0] = 0
    saliency = torch.rand(2, *size, generator=g)
    return CamView(torch.randn(2, 8, *size, generator=g), cam, maps[:, 1].relu() if refined else None,
                   maps[:, 2].mean((2, 3)), present, valid, saliency, None)


def test_losses_of_seam_against_the_reference():
    """Slow numpy from the raw maps of two views of 6 x 9 and 3 x 6 cells."""
    first, second = views = random_view((6, 9), seed=1), random_view((3, 6), seed=2)
    size, valid, present = (3, 6), second.valid.numpy(), first.present.numpy()

    def scores(view, maps, own_background):
        out = reference.cam_scores(maps.double().numpy(), present, view.valid.numpy(), bg=-1, bg_score=0)
        if not own_background:
            out[:, 0] = 0
        return reference.bilinear(out, size)

    cams = [scores(view, view.cam, False) for view in views]
    refined = [scores(view, view.refined, True) for view in views]
    er = [abs(cams[0][n, c, i, j] - cams[1][n, c, i, j]) for n, i, j in reference.pixels(valid) for c in (1, 2, 3)]
    ecr = []
    for theirs, own in ((cams[1], refined[0]), (cams[0], refined[1])):
        off = np.zeros((2, 4, *size))
        for n, i, j in reference.pixels(valid):
            best = 1 + int(np.argmax(theirs[n, 1:, i, j]))
            target = [1 - theirs[n, best, i, j] if c == 0 else theirs[n, c, i, j] if c == best else 0 for c in range(4)]
            off[n, :, i, j] = np.abs(np.array(target) - own[n, :, i, j])
        worst = np.sort(off.reshape(2, -1))[:, -14:]  # a fifth of 72
        ecr.append(worst.mean())
    losses = EquivarianceLoss()(views, 0)
    torch.testing.assert_close(losses['loss_er'].item(), sum(er) / len(er), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(losses['loss_ecr'].item(), float(sum(ecr)), rtol=1e-5, atol=1e-6)
    assert EquivarianceLoss(w_ecr=0.5)(views, 0)['loss_ecr'] == losses['loss_ecr'] / 2


def test_contrast_across_views_takes_prototypes_or_labels_of_the_other_view():
    loss, views = PrototypeContrastLoss(8, 6, prototype_divisor=4), [random_view((6, 9), seed=3),
                                                                     random_view((3, 6), seed=4)]
    valid, made = views[1].valid, []
    for view in views:
        refined = torch.from_numpy(reference.bilinear(view.refined.double().numpy(), (3, 6))).float()
        z = torch.from_numpy(reference.bilinear(loss.projection(view.feature).relu().detach().double().numpy(),
                                                (3, 6))).float()
        scores = min_max(refined, view.present, valid)
        labels = pixel_labels(scores, view.present, 0, 0.2)
        made.append((z, *class_prototypes(z, scores, labels, valid, 0, 4), labels))
    (z1, p1, e1, y1), (z2, p2, e2, y2) = made
    torch.manual_seed(5)
    losses = loss(views, 0)
    torch.manual_seed(5)
    expected = dict(
        loss_prototype=prototype_contrast(z1, p2, e2, y1, valid, 0.1) + prototype_contrast(z2, p1, e1, y2, valid, 0.1),
        loss_label=prototype_contrast(z1, p1, e1, y2, valid, 0.1) + prototype_contrast(z2, p2, e2, y1, valid, 0.1),
        loss_intra=intra_view_contrast(z1, p1, e1, y1, valid, 0.1) + intra_view_contrast(z2, p2, e2, y2, valid, 0.1))
    for name, value in expected.items():
        torch.testing.assert_close(losses[name], 0.1 * value / 2, rtol=1e-4, atol=1e-5)
    assert not torch.equal(losses['loss_prototype'], losses['loss_label'])


def test_masks_are_made_from_the_refined_maps():
    """Inference and training see the same maps: those of the correlation, of which the raw ones are only the start."""
    built, (pixels, samples) = model().eval(), batch()
    maps = built.extract_feat(pixels)
    assert len(maps) == 4 and maps[-1] is pixels
    head = built.decode_head
    view = head.look(maps, samples)
    torch.testing.assert_close(head(maps), view.refined[:, 1:])
    assert (view.refined >= 0).all() and not torch.allclose(view.refined[:, 1:], view.cam[:, 1:])
    results = built.predict(pixels, samples)
    assert results[0].seg_logits.data.shape == (4, 32, 32) and results[0].pred_label.score.shape == (4, )


def test_the_correlation_learns_by_itself():
    """No gradient passes from the refined maps to the network, nor from the raw ones to the correlation."""
    built, (pixels, samples) = model(), batch()
    losses = built.loss(pixels, samples)
    assert {'decode.loss_cls', 'decode.loss_er', 'decode.loss_ecr', 'decode.loss_min'} == {*losses}
    (losses['decode.loss_ecr'] + losses['decode.loss_min']).backward(retain_graph=True)
    touched = {name.split('.')[1] if name.startswith('decode_head') else name.split('.')[0]
               for name, p in built.named_parameters() if p.grad is not None and p.grad.any()}
    assert touched == {'pcm'}
    built.zero_grad()
    (losses['decode.loss_cls'] + losses['decode.loss_er']).backward()
    assert not any(p.grad is not None and p.grad.any() for p in built.decode_head.pcm.parameters())
    assert built.decode_head.classifier.weight.grad.any() and built.backbone.conv1.weight.grad.any()


def test_both_views_are_classified():
    """The classification loss is the mean over the batch and its smaller copy."""
    built, (pixels, samples) = model(losses=[CLS], pcm=False), batch()
    small = torch.nn.functional.interpolate(pixels, (16, 16), mode='bilinear', align_corners=False)
    alone = [built.decode_head.loss(built.extract_feat(size), samples)['loss_cls'] for size in (pixels, small)]
    torch.testing.assert_close(built.loss(pixels, samples)['decode.loss_cls'], sum(alone) / 2)


def test_each_view_has_its_fbr_its_map_and_its_bank(monkeypatch):
    built, (pixels, samples) = model(fbr=2), batch()
    seen, contrast = [], FBRLoss.contrast

    def watched(self, view, logits=None):
        seen.append((self, tuple(self.seen_neck().feature.shape[2:])))
        seen[-1] += (contrast(self, view, logits), )
        return seen[-1][2]

    monkeypatch.setattr(FBRLoss, 'contrast', watched)
    losses = built.loss(pixels, samples)
    first, second = built.decode_head.fbr_losses
    assert [(loss, size) for loss, size, _ in seen] == [(first, (4, 4)), (second, (2, 2))]
    torch.testing.assert_close(losses['decode.loss_fbr'], (seen[0][2] + seen[1][2]) / 2)
    assert first.nroi.fill > 0 and second.nroi.fill > 0
    assert not torch.equal(first.nroi.content[:4], second.nroi.content[:4])
    assert [first._log.name, second._log.name] == ['fbr', 'fbr_2']
    losses['decode.loss_fbr'].backward()
    assert built.neck.phi_fg.weight.grad.any() and built.neck.phi_bg.weight.grad.any()
    state = built.state_dict()
    assert {'decode_head.loss_decode.2.nroi.bits', 'decode_head.loss_decode.3.nroi.bits'} <= {*state}


@pytest.mark.parametrize('losses', [(CLS, ER), (CLS, ER, SAL, PPC)], ids=['seam', 'ppc-eps'])
def test_fbr_leaves_the_host_alone(losses):
    """Same weights, same losses, same maps with and without it."""
    hosts = [model(losses, fbr, background=SAL in losses) for fbr in (0, 2)]
    pixels, samples = batch()
    with_saliency(samples)
    values = []
    for host in hosts:
        torch.manual_seed(1)
        values.append(host.loss(pixels, samples))
        values[-1].pop('decode.loss_fbr', None)
    assert values[0].keys() == values[1].keys()
    assert all(torch.equal(values[0][key], values[1][key]) for key in values[0])
    maps = [host.eval().decode_head(host.extract_feat(pixels)) for host in hosts]
    assert torch.equal(*maps)


def test_every_parameter_takes_part_in_every_step():
    """As DDP wants it, with an image of no class too."""
    built = model((CLS, ER, SAL, PPC), fbr=2, background=True)
    pixels, samples = batch(present=[[0], [0, 2]])
    sum(built.loss(pixels, with_saliency(samples)).values()).backward()
    missing = [name for name, p in built.named_parameters() if p.grad is None]
    assert not missing
    assert all(p.grad.isfinite().all() for p in built.parameters())


@pytest.mark.parametrize('bg_index', [0, 2])
def test_a_background_with_a_classifier_has_probabilities_and_no_image_logit(bg_index):
    built = model((CLS, SAL), kind='CAMSegmentor', pcm=False, background=True, bg_index=bg_index)
    pixels, samples = batch()
    head, maps = built.decode_head, built.extract_feat(pixels)
    raw = head.raw_maps(maps[2])
    foreground = [c for c in range(4) if c != bg_index]
    torch.testing.assert_close(head(maps), raw.softmax(1)[:, foreground])
    view = head.look(maps, with_saliency(samples))
    torch.testing.assert_close(view.logits, raw.mean((2, 3))[:, foreground])
    losses = built.loss(pixels, samples)
    assert {*losses} == {'decode.loss_cls', 'decode.loss_sal'}
    expected = SaliencyLoss()([view], bg_index)['loss_sal']
    torch.testing.assert_close(losses['decode.loss_sal'], expected)


def test_saliency_of_views_and_refined_maps():
    """The mean over the views of the sum over raw and refined maps."""
    loss = SaliencyLoss()
    raw = [random_view((4, 6), refined=False, seed=seed) for seed in (6, 7)]
    both = [random_view((4, 6), seed=seed) for seed in (6, 7)]
    alone = [loss([view], 0)['loss_sal'] for view in raw]
    torch.testing.assert_close(loss(raw, 0)['loss_sal'], sum(alone) / 2)
    more = [loss([CamView(**{**vars(view), 'cam': view.refined, 'refined': None})], 0)['loss_sal'] for view in both]
    torch.testing.assert_close(loss(both, 0)['loss_sal'], (sum(alone) + sum(more)) / 2)


def test_saliency_maps_are_padded_as_the_images_are():
    _, samples = batch(images=2)
    samples[0].gt_saliency = PixelData(data=torch.full((1, 32, 16), 255, dtype=torch.uint8))
    samples[0].set_metainfo(dict(img_shape=(32, 16), padding_size=(0, 16, 0, 0)))
    samples[1].gt_saliency = PixelData(data=torch.full((1, 32, 32), 51, dtype=torch.uint8))
    stacked = stack_saliency(samples, torch.zeros(2, 4, 8, 8))
    assert stacked.shape == (2, 8, 8)
    assert (stacked[0, :, :4] == 1).all() and (stacked[0, :, 4:] == 0).all()
    torch.testing.assert_close(stacked[1], torch.full((8, 8), 0.2))
    del samples[0].gt_saliency
    assert stack_saliency(samples, torch.zeros(2, 4, 8, 8)) is None


def test_dropout_acts_on_the_classified_map_in_training_only():
    built, (pixels, samples) = model(dropout=0.5), batch()
    maps, head = built.extract_feat(pixels), built.decode_head
    cams = [head.look(maps, samples).cam for _ in range(2)]
    assert not torch.equal(*cams)
    head.eval()
    assert torch.equal(head.look(maps, samples).cam[:, 1:], head.classifier(maps[2]))


def test_wrong_settings_are_named():
    for settings, message in ((dict(fbr=1), 'each of the two views has an FBRLoss'),
                              (dict(view_scale=0), 'view_scale is a factor'),
                              (dict(in_index=-1), 'the last input is the image')):
        with pytest.raises(InputError, match=message):
            model(**settings)
    plain = dict(type='CAMHead', in_channels=64, num_classes=4)
    with pytest.raises(InputError, match='needs a ViewCAMHead as decode_head; it is CAMHead'):
        MODELS.build(dict(type='TwoViewCAMSegmentor', backbone=dict(type='mmseg.ResNet', depth=18), decode_head=plain))
    for tau in (-0.1, 1.5):
        with pytest.raises(ValueError, match='tau and lam must lie'):
            SaliencyLoss(tau=tau)
    built = model((CLS, SAL), kind='CAMSegmentor', pcm=False, background=True)
    with pytest.raises(ValueError, match='LoadCheckedSaliency'):
        built.loss(*batch())
    built = model((CLS, ), fbr=2, kind='CAMSegmentor', pcm=False)
    with pytest.raises(InputError, match='2 FBRLosses are for as many views'):
        built.loss(*batch())


def test_views_of_masks_and_of_fbr_are_the_same():
    """What the report and the pictures show are the refined maps."""
    built, (pixels, samples) = model(fbr=2).eval(), batch()
    maps = built.extract_feat(pixels)
    present = torch.stack([sample.gt_label.multi_hot for sample in samples])
    view = built.decode_head.pixel_view(maps, present)
    refined = built.decode_head.look(maps, samples).refined
    everywhere = np.ones((2, 4, 4), bool)
    expected = reference.cam_scores(refined.detach().double().numpy(), present.numpy(), everywhere, 0, 0.2)
    np.testing.assert_allclose(view.scores, expected, atol=1e-5)
    assert isinstance(built.decode_head, ViewCAMHead)


def test_a_host_trains_under_autocast():
    """Losses of views are compared at full precision: they move by the rounding of the network alone."""
    built = model((CLS, ER, SAL, PPC), fbr=2, background=True).eval()
    pixels, samples = batch()
    with_saliency(samples)
    values = []
    for enabled in (False, True):
        torch.manual_seed(1)
        with torch.autocast('cpu', torch.bfloat16, enabled=enabled):
            values.append(built.loss(pixels, samples))
    for key in ('er', 'min', 'sal', 'prototype'):
        full, half = (value[f'decode.loss_{key}'] for value in values)
        assert half.dtype == torch.float32
        torch.testing.assert_close(half, full, rtol=0.1, atol=0.01)
    sum(values[1].values()).backward()
    assert all(p.grad.isfinite().all() for p in built.parameters() if p.grad is not None)
