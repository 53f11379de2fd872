"""The numbers of two runs: threshold chosen on one list of images, scores measured on another."""
from dataclasses import dataclass

import numpy as np

from mmfbr.evaluation import Evaluation, Scores, evaluate, score_masks
from mmfbr.evaluation.confusion import json_number

THRESHOLDS = tuple(round(0.01 * step, 2) for step in range(91))


@dataclass(frozen=True)
class Truth:
    """Where the ground truth lies, and what its values mean; read for evaluation only.

    Attributes:
        mask_dir (Path): ID.png of class indices. all_dir (Path | None): ID.png of things and stuff.
        classes (list[str]): names by index. all_classes (list[str] | None): names of the values in ``all_dir``.
        usual (dict[str, bool] | None): for each image whether its things are before their usual background.
        bg_index, ignore_index (int): the background's class; the value of pixels that are not counted.
    """
    mask_dir: str
    classes: list
    all_dir: str | None = None
    all_classes: list | None = None
    usual: dict | None = None
    bg_index: int = 0
    ignore_index: int = 255


@dataclass(frozen=True, eq=False)
class Measured:
    """One run: ``chosen``, the sweep on the first list; ``scored``, the scores on the second at the threshold chosen;
    ``parts``, the mean IoU (number in [0, 1]) on named parts of the second list."""
    name: str
    chosen: Evaluation
    scored: Evaluation
    parts: dict

    @property
    def threshold(self):
        return self.chosen.threshold

    def as_dict(self):
        """For JSON."""
        return {'name': self.name, 'threshold': self.threshold,
                'chosen': self.chosen.as_dict(), 'scored': self.scored.as_dict(),
                'mean_iou_of_parts': {name: json_number(value) for name, value in self.parts.items()}}


def measure(name, cam_dir, choose_ids, score_ids, truth, thresholds=THRESHOLDS, progress=iter):
    """A run ``Measured`` by its CAM files ``cam_dir/ID.npz``; raises InputError as ``evaluate`` does."""
    settings = dict(bg_index=truth.bg_index, ignore_index=truth.ignore_index, progress=progress)
    chosen = evaluate(cam_dir, truth.mask_dir, choose_ids, truth.classes, thresholds=thresholds, **settings)
    scored = evaluate(cam_dir, truth.mask_dir, score_ids, truth.classes, threshold=chosen.threshold,
                      all_dir=truth.all_dir, all_classes=truth.all_classes, cooccurrence_ids=choose_ids, **settings)
    parts = {}
    for part, wanted in (('usual background', True), ('other background', False)):
        ids = [image for image in score_ids if truth.usual and truth.usual.get(image) is wanted]
        if ids:
            counts = score_masks(cam_dir, truth.mask_dir, ids, len(truth.classes), threshold=chosen.threshold,
                                 **settings)
            parts[f'{part} ({len(ids)} images)'] = float(Scores.of(counts).mean_iou)
    return Measured(name, chosen, scored, parts)


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two runs measured on the same images; ``shared`` images are in both lists."""
    host: Measured
    fbr: Measured
    choose_list: str
    score_list: str
    shared: int = 0

    @property
    def rows(self):
        """[(what, number of the host, number with FBR), ...], numbers in [0, 1], NaN where undefined."""
        both = (self.host, self.fbr)
        rows = [('mean IoU', *(run.scored.scores.mean_iou for run in both))]
        rows += [(f'mean IoU, {part}', *(run.parts[part] for run in both)) for part in self.host.parts]
        rows += [('mean precision', *(run.scored.scores.mean_precision for run in both)),
                 ('mean recall', *(run.scored.scores.mean_recall for run in both))]
        if self.host.scored.stuff:
            rows.append(('co-occurrence share, lower is better',
                         *(run.scored.stuff.mean_cooccurrence_share for run in both)))
        return rows

    @property
    def class_rows(self):
        """[(class, IoU of the host, IoU with FBR), ...], as in ``rows``."""
        return list(zip(self.host.scored.classes, self.host.scored.scores.iou, self.fbr.scored.scores.iou, strict=True))

    @property
    def stuff_rows(self):
        """[(class, its accompanying stuff, share of the host, share with FBR), ...]; empty without stuff masks."""
        stuff = self.host.scored.stuff
        if not stuff:
            return []
        shares = stuff.cooccurrence_share, self.fbr.scored.stuff.cooccurrence_share
        return [(stuff.classes[c], stuff.all_classes[a], shares[0][c], shares[1][c])
                for c, a in enumerate(stuff.companions) if c in stuff.things and a >= 0]

    def text(self):
        """Plain text table, in percent; the change in points."""
        rows = [(f'{self.host.scored.images} images (%)', self.host.name, self.fbr.name, 'change')]
        rows += [(name, *_cells(host, fbr)) for name, host, fbr in self.rows]
        rows += [(f'IoU {name}', *_cells(host, fbr)) for name, host, fbr in self.class_rows]
        rows += [(f'share of {name} on {stuff}', *_cells(host, fbr)) for name, stuff, host, fbr in self.stuff_rows]
        rows.append(('threshold', f'{self.host.threshold:g}', f'{self.fbr.threshold:g}', ''))
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        lines = ('  '.join((row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:]))) for row in rows)
        return '\n'.join(line.rstrip() for line in lines)

    def as_dict(self):
        """For JSON: everything that was counted, values in [0, 1]."""
        return {'choose_list': self.choose_list, 'score_list': self.score_list, 'images_in_both_lists': self.shared,
                'runs': [self.host.as_dict(), self.fbr.as_dict()]}


def percent(value, signed=False):
    """A number in [0, 1] as text in percent, a dash where it is undefined."""
    return f'{100 * value:{"+" if signed else ""}.2f}' if np.isfinite(value) else '-'


def _cells(host, fbr):
    return percent(host), percent(fbr), percent(fbr - host, signed=True)
