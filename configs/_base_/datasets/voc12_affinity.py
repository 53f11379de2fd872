"""Images and labels of sure pixels of PASCAL VOC 2012: train_aug, from which IRN and AffinityNet learn.
The labels are palette PNGs, ID.png, of class indices (0 background, 255 not sure) in the folder AFFINITY_LABELS, as
tools/make_pseudo_masks.py --unsure-from writes them. Nothing is validated: there is no truth to compare with.
The longer side of an image has 500 pixels, which are scaled by 0.5 to 1.5."""
_base_ = './voc12_seg.py'
train_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadCheckedAnnotations', num_classes=21),
    dict(type='RandomResize', scale=(500, 500), ratio_range=(0.5, 1.5), keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomCrop', crop_size=(512, 512)),
    dict(type='PackSegInputs')
]
train_dataloader = dict(
    dataset=dict(
        data_prefix=dict(seg_map_path='{{$AFFINITY_LABELS:work_dirs/affinity_labels/voc12}}'), pipeline=train_pipeline))
val_dataloader = val_cfg = val_evaluator = None
test_dataloader = test_cfg = test_evaluator = None
