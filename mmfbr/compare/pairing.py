"""`PairingHook`: notes what a run started from and what it saw, so that two runs can be shown to be a pair."""
import hashlib
from pathlib import Path

import torch
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper

from mmfbr.engine.load import is_fbr_key
from mmfbr.files import write_json
from mmfbr.registry import HOOKS, register

INFO = 'mmfbr_pairing'


class PairingHook(Hook):
    """Writes ``pairing.json`` into the work dir at the end of the training: digests (hexadecimal) of

    * ``weights``: the weights at the start, without FBR's own;
    * ``first_batch``: names and pixels of the first batch, and the state of torch's random numbers before it;
    * ``batches``: the same of all batches, one after the other; and their number, ``iterations``.

    Two runs with equal digests trained the same host on the same data. A run that was resumed has the digests of one
    that was not: they travel in its checkpoints.
    """

    priority = 'LOWEST'  # after the hooks that seed

    def before_train(self, runner):
        """The weights, unless this run goes on from a checkpoint."""
        if runner.iter == 0:
            model = runner.model.module if is_model_wrapper(runner.model) else runner.model
            seen = hashlib.blake2b(digest_size=16)
            for key, value in model.state_dict().items():
                if not is_fbr_key(key):
                    seen.update(key.encode())
                    seen.update(_bytes(value))
            runner.message_hub.update_info(INFO, dict(weights=seen.hexdigest(), first_batch='', batches=''))

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        """One batch more."""
        noted = runner.message_hub.get_info(INFO)
        seen = hashlib.blake2b(noted['batches'].encode(), digest_size=16)
        seen.update(_bytes(torch.get_rng_state()))
        for pixels in data_batch['inputs']:
            seen.update(_bytes(pixels))
        for sample in data_batch['data_samples']:
            seen.update(Path(sample.metainfo.get('img_path', '')).name.encode())
        digest = seen.hexdigest()
        runner.message_hub.update_info(INFO, {**noted, 'first_batch': noted['first_batch'] or digest,
                                              'batches': digest})

    def after_train(self, runner):
        """Writes the file."""
        if is_main_process():
            write_json(Path(runner.work_dir, 'pairing.json'),
                       {**runner.message_hub.get_info(INFO), 'iterations': runner.iter})


register(HOOKS, PairingHook)


def _bytes(tensor):
    return tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy()
