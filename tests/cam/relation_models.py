"""Small networks for the refinements irn, psa and nroi, as files."""
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope

BACKBONE = dict(depth=18, stem_channels=8, base_channels=8, strides=(1, 2, 1, 1))
PREPROCESSOR = dict(type='SegDataPreProcessor', mean=[120, 110, 100], std=[60, 50, 40], bgr_to_rgb=True)
KINDS = dict(
    irn=dict(type='FrozenEncoderDecoder', backbone=dict(type='ResNetWithStem', **BACKBONE),
             decode_head=dict(type='IRNHead', in_channels=(8, 8, 16, 32, 64), strides=(4, 4, 8, 8, 8),
                              boundary_channels=8)),
    nroi=dict(type='CAMSegmentor', backbone=dict(type='ResNet', **BACKBONE, out_indices=(1, 3)),
              decode_head=dict(type='CAMHead', in_channels=64, in_index=1, num_classes=4)),
    psa=dict(type='EncoderDecoder', backbone=dict(type='ResNet', **BACKBONE, out_indices=(1, 2, 3)),
             decode_head=dict(type='AffinityHead', in_channels=(16, 32, 64), channels=(8, 8, 16))))


def write_network(folder, kind, seed=0):
    """Writes config and random weights of a network for a refinement; returns both paths and the model, in eval."""
    init_default_scope('mmseg')
    config = Config(dict(default_scope='mmseg', model=dict(
        KINDS[kind], data_preprocessor=PREPROCESSOR, test_cfg=dict(mode='whole'))))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = MODELS.build(config.model).eval()
        if kind == 'irn':
            torch.nn.init.normal_(model.decode_head.boundary_out.weight, std=3)  # boundaries here and there
            model.decode_head.mean += torch.tensor([0.5, -1])
    paths = folder / f'{kind}.py', folder / f'{kind}.pth'
    config.dump(paths[0])
    torch.save(model.state_dict(), paths[1])
    return *paths, model
