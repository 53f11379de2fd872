"""What FBR tells the run it is part of, and what it reads of it, through mmengine's message hub."""
import re
import warnings

from mmengine.logging import MessageHub

BACKGROUND_NAMES = {'background', '_background_', '__background__', 'bg'}
DEFAULT_INTERVAL = 50


class RunLog:
    """Pushes diagnostics under ``train/NAME/...`` once per logging interval and warns once of a doubtful background
    class.

    The hub reads each value off the device when it gets it, so nothing is pushed between two log lines.
    """

    def __init__(self, name, bg_index, interval=None):
        self.name, self.bg_index, self.interval = name, bg_index, interval
        self._checked = False

    def push(self, values):
        """What ``values()`` returns (dict of 0-dim tensors) goes to the hub if this is an iteration that will be
        logged."""
        if not self._checked:
            self._check_background()
            self._checked = True
        if self._is_logged():
            hub = MessageHub.get_current_instance()
            for key, value in values().items():
                hub.update_scalar(f'train/{self.name}/{key}', value.detach())

    def _is_logged(self):
        hub = MessageHub.get_current_instance()
        iteration, max_iters = hub.get_info('iter'), hub.get_info('max_iters')
        if iteration is None or not max_iters:
            return False
        if self.interval is None:
            self.interval = _logging_interval(hub.get_info('cfg'))
        length = max_iters // max(hub.get_info('max_epochs') or 1, 1)  # the logger counts within an epoch
        inner = iteration % max(length, 1) + 1
        return inner % self.interval == 0 or inner == length

    def _check_background(self):
        classes = (MessageHub.get_current_instance().get_info('dataset_meta') or {}).get('classes')
        if classes is None or self.bg_index is None:
            return
        if not 0 <= self.bg_index < len(classes):
            raise ValueError(f'FBRLoss: bg_index={self.bg_index}, but the data set has {len(classes)} classes. Set '
                             'bg_index to the index of its background class, or to None if it has none.')
        name = classes[self.bg_index]
        if name.lower() not in BACKGROUND_NAMES:
            warnings.warn(f"FBRLoss: bg_index={self.bg_index} is the class '{name}' of this data set. If that is not "
                          'its background, set bg_index to the one that is, or to None if there is none.', stacklevel=2)


def _logging_interval(cfg_text):
    """The ``LoggerHook``'s interval in the text of a run's config, which is what the hub keeps of it."""
    match = re.search(r"type='(?:mmengine\.)?LoggerHook'", cfg_text or '')
    if match:
        start = cfg_text.rfind('dict(', 0, match.start())
        interval = re.search(r'\binterval=(\d+)', cfg_text[start:cfg_text.find(')', match.end()) + 1])
        return int(interval.group(1)) if interval else 10  # mmengine's own default
    return DEFAULT_INTERVAL
