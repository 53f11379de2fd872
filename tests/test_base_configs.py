"""Where ``_base_ = 'mmseg::...'`` and ``'mmdet::...'`` lead, whatever the distributions are called."""
import subprocess
import sys

import pytest
from mmengine.config import Config

MMSEG = 'mmseg::fcn/fcn_r50-d8_4xb4-20k_voc12aug-512x512.py'
MMDET = 'mmdet::mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py'
RENAMED = """
import sys
from mmengine.config import Config
from mmengine.config.utils import MODULE2PACKAGE
MODULE2PACKAGE['mmseg'] = 'a-name-that-no-distribution-has'
try:
    Config.fromfile(sys.argv[1])
except ModuleNotFoundError:
    import mmfbr
print(Config.fromfile(sys.argv[1]).model.decode_head.type, 'mmfbr' in sys.modules)
"""


@pytest.mark.parametrize(('base', 'model'), [(MMSEG, 'EncoderDecoder'), (MMDET, 'MaskRCNN')])
def test_base_configs_resolve(base, model, tmp_path):
    (tmp_path / 'config.py').write_text(f'_base_ = {base!r}\n')
    assert Config.fromfile(tmp_path / 'config.py').model.type == model


def test_import_of_mmfbr_finds_mmseg_under_another_name(tmp_path):
    (tmp_path / 'config.py').write_text(f'_base_ = {MMSEG!r}\n')
    done = subprocess.run([sys.executable, '-W', 'ignore', '-c', RENAMED, tmp_path / 'config.py'],
                          capture_output=True, text=True)
    assert done.stdout.endswith('FCNHead True\n'), done.stderr  # the forks print lines of their own
