"""The hosts of configs/hosts on MSRC-v2, each with and without FBR, beside the plain CAM network; all with the schedule
and the frozen first stages of cam_mobilenetv2-os16-frozen5_msrc but PTC. EPS and PPC on it need saliency maps, AMN
confident labels (docs/hosts). test is held out."""
host = 'host'
seeds = [0, 1, 2]
_hosts = dict(
    seam='seam/seam_mobilenetv2_msrc',
    eps='eps/eps_mobilenetv2_msrc',
    ppc_seam='ppc/ppc-seam_mobilenetv2_msrc',
    ppc_eps='ppc/ppc-eps_mobilenetv2_msrc',
    amn='amn/amn_mobilenetv2_msrc',
    ptc='ptc/ptc_hybrid-mobilenetv2_msrc')
variants = dict(host=dict(config='../cam/cam_mobilenetv2-os16-frozen5_msrc.py'))
for _name, _config in _hosts.items():
    variants[_name] = dict(config=f'../hosts/{_config}.py')
    variants[f'{_name}_fbr'] = dict(config=f'../hosts/{_config}_fbr.py', against=_name)
choose_on = 'ImageSets/trainval.txt'
hold_out = ['ImageSets/test.txt']
