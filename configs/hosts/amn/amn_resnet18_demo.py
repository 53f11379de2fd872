"""AMN (Lee et al., CVPR 2022) on the demo data, small enough for a CPU; the pyramid is as wide as the maps."""
_base_ = '../../cam/cam_resnet18_demo.py'
model = dict(
    decode_head=dict(
        _delete_=True, type='AMNHead', in_channels=256, in_index=0, num_classes=5, dilations=(2, 4, 6, 8)))
train_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadCheckedAnnotations', num_classes=5),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackImageLabelInputs')
]
train_dataloader = dict(
    dataset=dict(data_prefix=dict(seg_map_path='{{$CONFIDENT_LABELS:ConfidentLabels}}'), pipeline=train_pipeline))
