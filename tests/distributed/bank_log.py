"""A hook that writes, in each process and after each iteration, what is in FBR's bank."""
from pathlib import Path

from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from process_group import digest

from mmfbr.models import FBRLoss


@HOOKS.register_module()
class BankLog(Hook):
    """Writes ``bank_RANK_ITERATION.txt`` into the work dir: digest and fill; and ``ddp_RANK.txt``."""

    def before_train(self, runner):
        model = runner.model
        text = f'{model.broadcast_buffers} {model.find_unused_parameters}'
        Path(runner.work_dir, f'ddp_{get_rank()}.txt').write_text(text)

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        bank, = (part.nroi for part in runner.model.modules() if isinstance(part, FBRLoss))
        Path(runner.work_dir, f'bank_{get_rank()}_{runner.iter + 1}.txt').write_text(
            f'{digest([bank.content, bank.pointer])} {int(bank.fill)}')
