"""Second stage on MSRC-v2: DeepLabV3+ on MobileNetV2, trained on pseudo masks, 7 passes in batches of 16."""
_base_ = [
    '../_base_/default_runtime.py', '../_base_/datasets/msrc_seg.py', '../_base_/models/deeplabv3plus_mobilenetv2.py',
    '../_base_/schedules/seg_adamw_short.py'
]
model = dict(decode_head=dict(num_classes=16))
