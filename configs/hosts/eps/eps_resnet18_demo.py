"""EPS (Lee et al., CVPR 2021) on the demo data, small enough for a CPU. The saliency maps are those of its objects:
tools/make_saliency.py DIR --method objects. A network that starts from nothing first lights up the background that
comes with an object, of which little is salient: hence the low tau."""
_base_ = '../../cam/cam_resnet18_demo.py'
model = dict(
    decode_head=dict(
        type='ViewCAMHead',
        background=True,
        loss_decode=[dict(type='MultiLabelSoftMarginLoss'),
                     dict(type='SaliencyLoss', tau=0.1)]))
train_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadCheckedSaliency'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackImageLabelInputs')
]
train_dataloader = dict(
    dataset=dict(data_prefix=dict(saliency_path='{{$SALIENCY_MAPS:Saliency}}'), pipeline=train_pipeline))
