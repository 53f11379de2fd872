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
# tau of EPS's loss (0.4); FBR's contrasts as the paper's code weighs them on EPS.
_losses = 'model.decode_head.loss_decode.'
variants['eps_tau_0.1'] = dict(config=f'../hosts/{_hosts["eps"]}.py', options={f'{_losses}1.tau': 0.1}, against='eps')
variants['eps_fbr_paper'] = dict(
    config=f'../hosts/{_hosts["eps"]}_fbr.py',
    options={f'{_losses}2.w_if': 0.1, f'{_losses}2.w_fb': 0.01},
    against='eps')
choose_on = 'ImageSets/trainval.txt'
hold_out = ['ImageSets/test.txt']
