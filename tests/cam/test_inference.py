"""CAMs over scales and flip, against the same in single steps that anyone can follow."""
import numpy as np
import pytest
import torch
from cam_models import cam_model
from torch.nn import functional as F

from mmfbr.cam import CamSettings, image_cam
from mmfbr.files import InputError

ALL = np.ones(4, bool)


@pytest.fixture(scope='module')
def model():
    return cam_model()


def picture(height=37, width=53, seed=0):
    rng = np.random.default_rng(seed)
    coarse = torch.from_numpy(rng.uniform(0, 255, (1, 3, 5, 6)))
    return F.interpolate(coarse, (height, width), mode='bicubic')[0].clamp(0, 255).permute(1, 2, 0).numpy().astype('u1')


@torch.no_grad()
def reference_scores(model, image, settings):
    """Maps (C - 1, H, W) before normalisation and image scores (C - 1,), one view and one class at a time."""
    head, (height, width) = model.decode_head, image.shape[:2]
    weight = head.classifier.weight.numpy()[:, :, 0, 0]
    total, scores, views = np.zeros((len(weight), height, width)), 0, 0
    for scale in settings.scales:
        base = settings.size or (height, width)
        size = [max(settings.multiple, int(np.round(side * scale / settings.multiple)) * settings.multiple)
                for side in base]
        for mirrored in (False, True) if settings.flip else (False,):
            pixels = torch.from_numpy(image.astype(np.float32)).permute(2, 0, 1)[None]
            view = F.interpolate(pixels, size, mode='bilinear', align_corners=False)[0].numpy()
            view = view[:, :, ::-1] if mirrored else view
            view = (view - np.reshape([120, 110, 100], (3, 1, 1))) / np.reshape([60, 50, 40], (3, 1, 1))
            feature = model.backbone(torch.from_numpy(view.copy()).float()[None])[0][0].numpy()
            for c, row in enumerate(weight):
                one = np.maximum(sum(w * channel for w, channel in zip(row, feature, strict=True)), 0)
                one = one[:, ::-1] if mirrored else one
                one = F.interpolate(torch.from_numpy(one.copy())[None, None], (height, width), mode='bilinear')
                total[c] += one[0, 0].numpy()
            scores = scores + 1 / (1 + np.exp(-weight @ feature.mean((1, 2))))
            views += 1
    return total, scores / views


@pytest.mark.parametrize('settings', [
    CamSettings(scales=(1.0, ), flip=False),
    CamSettings(scales=(1.0, ), flip=True, multiple=8),
    CamSettings(scales=(0.5, 1.0, 1.7), flip=True),
    CamSettings(size=(48, 32), scales=(1.0, 0.2), flip=True),
], ids=['one', 'flip', 'scales', 'size'])
def test_against_single_steps(model, settings):
    image = picture()
    total, scores = reference_scores(model, image, settings)
    cam, classes = image_cam(model, image, ALL, settings)
    assert classes.tolist() == [1, 2, 3]
    assert cam.dtype == np.float32 and classes.dtype == np.int64
    np.testing.assert_allclose(cam, total / total.max((1, 2), keepdims=True), atol=2e-5)

    claimed, classes = image_cam(model, image, None, settings)
    assert classes.tolist() == [c + 1 for c in range(3) if scores[c] > 0.5]
    np.testing.assert_array_equal(claimed, cam[classes - 1])


def test_image_scores_choose_the_classes_where_labels_are_not_given(model):
    found = {tuple(image_cam(model, picture(seed=seed), None, CamSettings(scales=(1.0, )))[1]) for seed in range(6)}
    assert found - {(1, 2, 3)}  # not simply all of them


@pytest.mark.parametrize('present', [[1, 0, 1, 0], [0, 1, 0, 1], [1, 1, 1, 1]])
def test_only_classes_that_are_present_come_and_their_maps_do_not_depend_on_others(model, present):
    settings = CamSettings(scales=(1.0, ))
    cam, classes = image_cam(model, picture(), np.array(present, bool), settings)
    assert classes.tolist() == [c for c in (1, 2, 3) if present[c]]
    np.testing.assert_array_equal(cam, image_cam(model, picture(), ALL, settings)[0][classes - 1])


@pytest.mark.parametrize('present', [[1, 0, 0, 0], [0, 0, 0, 0]])
def test_image_without_an_object_has_no_map(model, present):
    cam, classes = image_cam(model, picture(), np.array(present, bool), CamSettings())
    assert cam.shape == (0, 37, 53) and cam.dtype == np.float32
    assert classes.shape == (0,) and classes.dtype == np.int64


@pytest.mark.parametrize('bg_index', [0, 2, 3])
def test_background_is_left_out_wherever_it_stands(bg_index):
    model = cam_model(bg_index=bg_index)
    cam, classes = image_cam(model, picture(), ALL, CamSettings(scales=(1.0, )))
    assert classes.tolist() == [c for c in range(4) if c != bg_index]
    np.testing.assert_array_equal(cam, image_cam(cam_model(), picture(), ALL, CamSettings(scales=(1.0, )))[0])


@pytest.mark.parametrize('size', [(1, 1), (1, 40), (16, 16), (17, 31), (33, 20)])
def test_maps_have_the_size_of_the_image_and_reach_from_0_to_1(model, size):
    cam, _ = image_cam(model, picture(*size), ALL, CamSettings(scales=(0.5, 1.0)))
    assert cam.shape == (3, *size)
    assert cam.min() >= 0
    assert set(cam.max((1, 2))) <= {0.0, 1.0}  # 0: a class that fires nowhere


def test_mirrored_image_has_the_mirrored_cam(model):
    image = picture()
    for settings in (CamSettings(), CamSettings(size=(32, 48), scales=(1.0, 1.5))):
        cam, _ = image_cam(model, image, ALL, settings)
        mirrored, _ = image_cam(model, image[:, ::-1], ALL, settings)
        np.testing.assert_allclose(mirrored, cam[:, :, ::-1], atol=2e-5)
    plain = CamSettings(scales=(1.0, ), flip=False)
    difference = image_cam(model, image[:, ::-1], ALL, plain)[0] - image_cam(model, image, ALL, plain)[0][:, :, ::-1]
    assert abs(difference).max() > 0.01  # the network itself does not know left from right


def test_preprocessor_that_keeps_bgr_is_fed_bgr(model):
    settings = CamSettings(scales=(1.0, ))
    keeps, image = cam_model(bgr_to_rgb=False), picture()
    cam, _ = image_cam(keeps, image, ALL, settings)
    np.testing.assert_array_equal(cam, image_cam(model, image[:, :, ::-1], ALL, settings)[0])


def test_preprocessor_without_normalisation_is_served():
    plain, image = cam_model(), picture()
    preprocessor = type(plain.data_preprocessor)(bgr_to_rgb=True)
    unit = type(plain.data_preprocessor)(mean=[0, 0, 0], std=[1, 1, 1], bgr_to_rgb=True)
    cams = []
    for plain.data_preprocessor in (preprocessor, unit):
        cams.append(image_cam(plain, image, ALL, CamSettings(scales=(1.0, )))[0])
    np.testing.assert_array_equal(*cams)


def test_what_the_network_is_fed_is_what_its_preprocessor_would_feed(model):
    image = picture(32, 48)
    bgr = torch.from_numpy(image[:, :, ::-1].transpose(2, 0, 1).copy())
    fed = []
    handle = model.backbone.register_forward_pre_hook(lambda module, inputs: fed.append(inputs[0]))
    image_cam(model, image, ALL, CamSettings(scales=(1.0, ), flip=False))
    handle.remove()
    torch.testing.assert_close(fed[0], model.data_preprocessor(dict(inputs=[bgr]))['inputs'])


@pytest.mark.parametrize('scales', [(), (0.0, ), (1.0, -1.0)])
def test_scales_are_positive(scales):
    with pytest.raises(InputError, match='cam_cfg.scales must be one or more positive factors'):
        CamSettings(scales=scales)
