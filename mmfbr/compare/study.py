"""A study file: what is compared with what, on which images, and what may be looked at when."""
import difflib
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

from mmfbr.cli import shipped_configs
from mmfbr.engine.load import read_config
from mmfbr.engine.run import load_config
from mmfbr.files import InputError, existing

VARIANT_KEYS = ('config', 'options', 'iterations', 'against')
THRESHOLDS = tuple(round(0.01 * step, 2) for step in range(91))


@dataclass(frozen=True)
class Variant:
    """One network to be trained with every seed.

    Attributes:
        name (str): as it is called in tables; a folder has this name.
        config (Path): what is trained.
        options (dict): settings that replace the config's, ``{'key.of.setting': value}``.
        iterations (int | None): length to which the config's schedule is scaled; None: its own.
        against (str): the variant that this one is compared with.
    """
    name: str
    config: Path
    options: dict = field(default_factory=dict)
    iterations: int | None = None
    against: str = 'host'


@dataclass(frozen=True)
class Study:
    """What a study file says; lists and masks are given relative to the data root of the host's config.

    Attributes:
        name (str): of the study.
        variants (dict[str, Variant]): by name, in the order of the tables.
        host (str): the variant that others are compared with unless they say so.
        seeds (tuple[int]): of each variant.
        choose_on (str): list of the images on which the threshold of a run is chosen; with ``folds`` the list that is
            divided into training and held-out images.
        report_on (tuple[str]): lists that are scored, at that threshold.
        hold_out (tuple[str]): lists that are scored when the final table is asked for and play no other part.
        folds (int): parts of a cross-validation; 0: none, the config's own training list is used.
        thresholds (tuple[float]): ascending, those tried.
        masks, all_masks, all_classes (str | None): folders of ID.png masks of the classes, and of things and stuff, and
            the names of these; None for the latter two where there are none.
    """
    name: str
    variants: dict
    host: str
    seeds: tuple
    choose_on: str
    report_on: tuple
    hold_out: tuple = ()
    folds: int = 0
    thresholds: tuple = THRESHOLDS
    masks: str = 'SegmentationClass'
    all_masks: str | None = 'SegmentationAll'
    all_classes: str | None = 'classes_all.txt'
    _configs: dict = field(default_factory=dict, repr=False, compare=False)

    def base_config(self, path):
        """The mmengine config of a file, to be changed; the file is read once, as many runs have it."""
        if path not in self._configs:
            self._configs[path] = load_config(path)
        return deepcopy(self._configs[path])

    def lists(self, final):
        """The lists that are scored, each once: those that choose, those reported, and at last those held out."""
        return tuple(dict.fromkeys((self.choose_on, *self.report_on, *(self.hold_out if final else ()))))


def stem(image_list):
    """The short name of a list: in tables and in the names of files."""
    return Path(image_list).stem


def read_study(path):
    """The ``Study`` of a Python or JSON file; keys that begin with an underscore are the file's own.

    Raises:
        InputError: for a key or value that is missing, unknown or out of range, with its name.
    """
    path = existing(path, 'The study file')
    if path.suffix not in ('.py', '.json'):
        raise InputError(f'{path}: a study is a Python or JSON file.')
    found = read_config(path, 'The study file').to_dict()
    content = {key: value for key, value in found.items() if not key.startswith('_')}
    base, variants = content.pop('config', None), content.pop('variants', None)
    common = dict(options=content.pop('options', {}), iterations=content.pop('iterations', None))
    known = {name for name in Study.__dataclass_fields__ if name != 'variants'} | {'config', 'options', 'iterations'}
    _refuse_unknown(content, known, path, '')
    missing = sorted({'seeds', 'choose_on', 'host'} - {*content})
    if missing or not isinstance(variants, dict) or not variants:
        raise InputError(f'{path} lacks {", ".join(missing) or "variants, a dict of one or more"}.')
    settings = {key: tuple(value) if isinstance(value, list) else value for key, value in content.items()}
    settings.setdefault('name', path.stem)
    settings.setdefault('report_on', (settings['choose_on'],))
    study = Study(**settings, variants={
        name: _variant(name, said or {}, base, common, settings['host'], path) for name, said in variants.items()})
    _check(study, path)
    return study


def _variant(name, said, base, common, host, path):
    _refuse_unknown(said, VARIANT_KEYS, path, f'variants.{name}.')
    config = said.get('config', base)
    if config is None:
        raise InputError(f'{path}: variants.{name} has no config, and neither has the study.')
    iterations = said.get('iterations', common['iterations'])
    if iterations is not None and iterations < 1:
        raise InputError(f'{path}: iterations of variants.{name} must be at least 1; they are {iterations!r}.')
    return Variant(name, _config_path(config, path, name), {**common['options'], **said.get('options', {})}, iterations,
                   said.get('against', host))


def _config_path(config, study, name):
    beside = study.parent / config
    if beside.is_file():
        return beside.resolve()
    shipped = shipped_configs().get(Path(config).stem)
    if shipped is None or Path(config).name != str(config):
        raise InputError(f'{study}: the config {config} of variants.{name} is neither a file beside the study nor one '
                         'that mmfbr ships (`mmfbr config` lists them).')
    return shipped


def _refuse_unknown(content, known, path, prefix):
    for key in content:
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            raise InputError(f'{path} has no setting {prefix}{key}.{f" Is it {close[0]}?" if close else ""}')


def _check(study, path):
    def refuse(what):
        raise InputError(f'{path}: {what}')
    if not study.seeds or any(type(seed) is not int for seed in study.seeds) or len({*study.seeds}) < len(study.seeds):
        refuse(f'seeds must be one or more different integers; they are {list(study.seeds)}.')
    for variant in study.variants.values():
        if not variant.name or {*variant.name} & {*'/\\ '} or variant.name.startswith('.'):
            refuse(f'the variant name {variant.name!r} cannot be the name of a folder; leave out spaces and slashes.')
        if variant.against not in study.variants:
            refuse(f'{variant.name} is compared with {variant.against!r}, which is none of the variants.')
    lists = [study.choose_on, *study.report_on, *study.hold_out]
    if isinstance(study.report_on, str) or isinstance(study.hold_out, str) or not all(
            isinstance(entry, str) for entry in lists):
        refuse('choose_on is one list of images, report_on and hold_out are lists of them.')
    if len({stem(entry) for entry in lists}) < len({*lists}):
        refuse('two lists of images have the same file name; the names tell them apart.')
    if study.choose_on in study.hold_out or {*study.report_on} & {*study.hold_out}:
        refuse('a list of hold_out is also in choose_on or report_on: held-out images choose nothing.')
    if study.folds and (study.folds < 2 or study.report_on != (study.choose_on,) or study.hold_out):
        refuse('folds (2 or more) divide choose_on, which is then the only list: leave report_on and hold_out out.')
    if len(study.thresholds) < 1 or list(study.thresholds) != sorted({*study.thresholds}):
        refuse('thresholds must be ascending numbers.')
    if bool(study.all_masks) != bool(study.all_classes):
        refuse('all_masks and all_classes belong together: give both or set both to None.')
