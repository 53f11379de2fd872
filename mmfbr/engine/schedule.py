"""Schedules of another length."""


def scaled_schedule(config, iters):
    """Options {key: value} that scale a config's schedule to ``iters`` iterations, FBR's warm-up with it."""
    factor = iters / config.train_cfg.max_iters
    options = {'train_cfg.max_iters': iters}
    if 'val_interval' in config.train_cfg:
        options['train_cfg.val_interval'] = iters
    for index, scheduler in enumerate(config.param_scheduler):
        begin, end = (round(scheduler[key] * factor) for key in ('begin', 'end'))
        options.update({f'param_scheduler.{index}.begin': begin, f'param_scheduler.{index}.end': max(end, begin + 1)})
    losses = config.model.get('decode_head', {}).get('loss_decode', [])
    for index, loss in enumerate(losses if isinstance(losses, list) else []):
        options.update({f'model.decode_head.loss_decode.{index}.{key}': round(loss[key] * factor)
                        for key in ('warmup_iters', 'ramp_iters') if key in loss})
    return options
