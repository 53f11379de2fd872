"""IRN on PASCAL VOC 2012 with the schedule of the released code: three passes in batches of 32."""
_base_ = [
    '../../_base_/default_runtime.py', '../../_base_/datasets/voc12_affinity.py',
    '../../_base_/models/irn_resnet50.py', '../../_base_/schedules/irn_sgd.py'
]
train_dataloader = dict(batch_size=32)
