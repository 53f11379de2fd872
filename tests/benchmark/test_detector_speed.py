"""The detector's benchmark: both steps are timed, on work that is the base's own."""
import runpy
import sys
from pathlib import Path

import pytest
import tiny_detectors
import torch

from mmfbr.benchmark.detector import base_model, draw, measure_detector, table

TOOL = Path(__file__).resolve().parents[2] / 'tools' / 'benchmark.py'

pytestmark = pytest.mark.filterwarnings('ignore')


def test_steps_of_a_small_detector(tmp_path):
    config = tiny_detectors.config(tmp_path)
    result = measure_detector(config, (32, 48), batch=1, instances=2, repeats=1, device='cpu')
    assert set(result['seconds']) == {'base', 'fbr', 'alone'} and all(s > 0 for s in result['seconds'].values())
    assert result['share_alone'] == result['seconds']['alone'] / result['seconds']['base']
    assert result['share'] == pytest.approx(result['seconds']['fbr'] / result['seconds']['base'] - 1)
    assert 'MaskRCNN, 1 images of 32 x 48 with 2 instances each' in table(result)
    assert base_model(config.model).type == 'MaskRCNN' and config.model.type == 'FBRDetector'


def test_drawn_masks_fill_their_boxes():
    batch = draw((40, 60), batch=2, instances=3, classes=2)
    for pixels, sample in zip(batch['inputs'], batch['data_samples'], strict=True):
        assert pixels.shape == (3, 40, 60) and pixels.dtype == torch.uint8
        assert set(sample.gt_instances.labels.tolist()) <= {0, 1}
        for mask, box in zip(sample.gt_instances.masks, sample.gt_instances.bboxes.tolist(), strict=True):
            rows, columns = mask.nonzero()
            assert mask.any() and columns.min() >= box[0] and columns.max() < box[2] + 1
            assert rows.min() >= box[1] and rows.max() < box[3] + 1


def test_tool_wants_height_and_width(monkeypatch, capsys):
    for words in (['--size', '8', '9'], ['--detector', 'some.py', '--size', '8']):
        monkeypatch.setattr(sys, 'argv', ['benchmark.py', *words])
        with pytest.raises(SystemExit):
            runpy.run_path(str(TOOL), run_name='__main__')
        assert '--size takes one number' in capsys.readouterr().err
