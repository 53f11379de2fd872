"""Second stage on PASCAL VOC 2012: DeepLabV2 on ResNet-101, trained on pseudo masks."""
_base_ = [
    '../_base_/default_runtime.py', '../_base_/datasets/voc12_seg.py',
    '../_base_/models/deeplabv2_resnet101.py', '../_base_/schedules/seg_sgd_20k.py'
]
model = dict(decode_head=dict(num_classes=21))
default_hooks = dict(logger=dict(interval=50), checkpoint=dict(interval=2000))
