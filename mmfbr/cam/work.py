"""What is to be done: the images of a list in groups that no interruption changes, and what a folder's files are of."""
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from mmengine.dist import all_reduce, get_dist_info, is_distributed

from mmfbr.files import InputError, read_object, write_json
from mmfbr.image_files import image_size


@dataclass(frozen=True, eq=False)
class Job:
    """An image and the files to be made of it; ``labels`` (C,) bool, or None where the network says what is there."""
    image_id: str
    image_path: str
    labels: np.ndarray | None
    mask_path: Path | None = None
    cam_path: Path | None = None
    relations_path: Path | None = None

    @property
    def wants_mask(self):
        return self.mask_path is not None and not self.mask_path.exists()

    @property
    def wants_cam(self):
        return self.cam_path is not None and not self.cam_path.exists()

    @property
    def wants_relations(self):
        return self.relations_path is not None and not self.relations_path.exists()


def jobs_of(dataset, out=None, cam_dir=None, use_labels=True, relations=None):
    """One Job an image of an ``ImageLabelDataset``, in order."""
    jobs = []
    for index in range(len(dataset)):
        item = dataset.get_data_info(index)
        image_id = os.path.relpath(item['img_path'], dataset.data_prefix['img_path']).removesuffix(dataset.img_suffix)
        jobs.append(Job(image_id, item['img_path'], item['image_labels'] if use_labels else None,
                        Path(out, f'{image_id}.png') if out else None,
                        Path(cam_dir, f'{image_id}.npz') if cam_dir else None,
                        Path(relations, f'{image_id}.npz') if relations else None))
    return jobs


def groups_of(jobs, settings, batch):
    """[[Job, ...], ...]: up to ``batch`` images that the network sees at the same sizes, filled in the list's order.

    Sums in a network may differ in their last bits with the size of a batch. So groups follow from the list alone, not
    from what is done already or by how many processes: stopped and shared runs make the files of any other run.

    Raises InputError for a batch below 1, and for an image whose size cannot be read.
    """
    if batch < 1:
        raise InputError(f'The batch must be 1 or more images; it is {batch}.')
    groups, filling = [], {}
    for job in jobs:
        key = None if settings.size or batch == 1 else settings.views(*image_size(job.image_path))
        if len(filling.get(key, ())) in (0, batch):
            filling[key] = []
            groups.append(filling[key])
        filling[key].append(job)
    return groups


def share():
    """(number of this process, number of processes), of an open group or else of torchrun's environment."""
    if is_distributed():
        return get_dist_info()
    return int(os.environ.get('RANK', 0)), int(os.environ.get('WORLD_SIZE', 1))


def shares_sums():
    """True where processes share the work and can add up what each has counted."""
    return is_distributed() or 'MASTER_ADDR' in os.environ


def summed(counts):
    """``counts`` (int64 array) summed over the processes of ``share``."""
    opened = not is_distributed()
    if opened:
        torch.distributed.init_process_group('gloo')
    total = torch.from_numpy(counts)
    all_reduce(total)  # in place, on whatever device the group talks over
    if opened:
        torch.distributed.destroy_process_group()
    return total.numpy()


def read_note(folder, suffix):
    """What the files ``*.suffix`` of ``folder`` were made with (dict), or None where nothing says it."""
    note = _note(folder, suffix)
    return read_object(note, 'The note') if note.exists() else None


def check_claim(folder, suffix, made_by, apart=()):
    """InputError when ``folder`` holds files ``*.suffix`` that were made with something else than ``made_by``.

    Keys ``apart`` play no part. Returns the note, None when there is none or no file that it could be of.
    """
    # Files first, note second: another process that shares the work writes them in the opposite order.
    folder, made_by = Path(folder), json.loads(json.dumps(made_by))
    holds_files = next(folder.rglob(f'*.{suffix}'), None) is not None
    found = read_note(folder, suffix)
    if holds_files and found is None:
        raise InputError(f'{folder} holds files that were not made here. Choose another folder.')
    known = found or {}
    differing = sorted(key for key in {*known, *made_by} - {*apart} if known.get(key) != made_by.get(key))
    if holds_files and differing:
        raise InputError(f'{folder} holds files made with another {", ".join(differing)}. Choose another folder, or '
                         'delete this one.')
    return None if differing else found


def claim(folder, suffix, made_by):
    """Notes in ``folder`` what its files are made with; InputError when it holds files made with something else."""
    note = _note(folder, suffix)
    if check_claim(folder, suffix, made_by) is None:
        try:
            write_json(note, made_by)
        except FileNotFoundError:  # taken for a killed run's by another process, which has written the same
            check_claim(folder, suffix, made_by)
    for part in note.parent.glob(f'.{note.name}.*.part'):
        part.unlink(missing_ok=True)


def _note(folder, suffix):
    return Path(folder, f'{suffix}_made_by.json')
