"""Runs a subject once uninterrupted, then again and again with kills; compares what is on the disk, and the end."""
import json
import random
import re
import shutil
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

import torch
from killing import NEVER, Kill, run_tool

LEFTOVER = re.compile(r'\..+\.part')
DATE = re.compile(rb'\d{4}-\d\d-\d\d \d\d:\d\d[^<]*|\d{8}_\d{6}')  # of a report, of a log


@dataclass
class Subject:
    """A tool and what it promises to somebody who kills it.

    Attributes:
        name (str): of the table.
        script (Path): the tool. words (list): its command line.
        folder (Path): where it runs, the same in each trial.
        environment (dict): is added to this one's.
        outputs (list[str]): patterns of the files that are compared.
        before (dict): {file: content} that are there before the tool runs; such a file is the old or the new one.
        keeps (callable): whether a finished file, by its name, must be left alone by later runs.
        concerns (callable): whether operations on a file, by its name, are moments to kill at.
        moments (bool): kill at moments in time too, not only at operations.
        alone (bool): those that the tool started end by themselves when it is killed.
    """
    name: str
    script: Path
    words: list
    folder: Path
    environment: dict
    outputs: list
    before: dict = field(default_factory=dict)
    keeps: object = lambda name: False
    concerns: object = lambda name: True
    moments: bool = True
    alone: bool = False

    def prepare(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        for name, content in self.before.items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_bytes(content)

    def run(self, kill=NEVER):
        return run_tool(self.script, self.words, self.folder, self.environment, self.folder / 'said.log',
                        lambda name: not name.endswith('.log') and self.concerns(name), kill, self.alone)

    def files(self):
        """{name: path} of the outputs that are there, without hidden ones."""
        found = {path for pattern in self.outputs for path in self.folder.glob(pattern) if path.is_file()}
        return {str(path.relative_to(self.folder)): path for path in sorted(found) if not path.name.startswith('.')}

    def content(self, path):
        """What counts of a file."""
        return DATE.sub(b'', path.read_bytes()) if path.suffix == '.html' else path.read_bytes()

    def learn(self):
        """Runs uninterrupted; returns how that ended."""
        self.prepare()
        ended = self.run()
        if ended.status:
            raise RuntimeError(f'{self.name} fails uninterrupted:\n{self.said()}')
        self.expected = {name: self.content(path) for name, path in self.files().items()}
        return ended

    def killed(self):
        """What is wrong on the disk after a kill."""
        for name, path in self.files().items():
            content = self.content(path)
            if content not in (self.expected.get(name), self.before.get(name)):
                yield f'{name} ({len(content)} bytes) is neither finished nor as it was before'

    def finished(self):
        """What is wrong on the disk in the end."""
        found = {name: self.content(path) for name, path in self.files().items()}
        for name in sorted({*found, *self.expected}):
            if found.get(name) != self.expected.get(name):
                state = 'missing' if name not in found else 'one too many' if name not in self.expected else 'different'
                yield f'in the end {name} is {state}'
        yield from self.left()

    def left(self):
        return [f'in the end {path.name} is left' for path in self.folder.rglob('*') if LEFTOVER.fullmatch(path.name)]

    def finished_work(self):
        """{file: what changes when it is written again} of the finished files."""
        return {name: (path.stat().st_ino, path.stat().st_mtime_ns) for name, path in self.files().items()
                if self.keeps(name)}

    def redone(self, work):
        """What a run has done again, of the ``finished_work`` that was there when it started."""
        now = self.finished_work()
        return [f'{name} was finished and was made again' for name in work if work[name] != now.get(name)]

    def said(self):
        log = self.folder / 'said.log'
        return '\n'.join(log.read_text(errors='replace').splitlines()[-12:]) if log.exists() else 'it said nothing'


class Training(Subject):
    """A training: checkpoints are compared by what they hold, and a resumed run goes on from the latest one."""

    def __init__(self, name, script, words, folder, environment, **settings):
        super().__init__(name, script, words, folder, environment, ['work/*.pth', 'work/last_checkpoint'], **settings)

    def content(self, path):
        return training_state(path) if path.suffix == '.pth' else path.read_bytes()

    def learn(self):
        """All checkpoints are kept here, to know what each of them must hold; the last ones are expected."""
        words = self.words
        self.words = [*words, 'default_hooks.checkpoint.max_keep_ckpts=99']
        ended = super().learn()
        self.words, self.all = words, self.expected
        self.steps_per_number = len(self.steps()) // max(number(name) for name in self.all)
        kept = sorted(self.checkpoints(), key=number)[-self.keep:]
        self.expected = {name: content for name, content in self.all.items() if not number(name) or name in kept}
        return ended

    @property
    def keep(self):
        return next(int(word.rpartition('=')[2]) for word in self.words if 'max_keep_ckpts' in str(word))

    def run(self, kill=NEVER):
        # The logs of a run have the second as their name, and here two may start in one.
        work = self.folder / 'work'
        for path in work.glob('2*_*'):
            path.rename(work / f'0{len([*work.glob("0*")]):03}')
        return super().run(kill)

    def checkpoints(self):
        return [name for name in self.files() if number(name)]

    def killed(self):
        for name in self.checkpoints():
            try:
                differing = different(self.content(self.folder / name), self.all[name])
            except Exception as error:  # torch raises anything on damaged bytes
                yield f'{name} cannot be read: {error!r}'
            else:
                if differing:
                    yield f'{name} differs from the uninterrupted one in {len(differing)} entries, first {differing[0]}'
        pointer = self.folder / 'work' / 'last_checkpoint'
        if pointer.exists() and not (pointer.read_text() and Path(pointer.read_text()).is_file()):
            yield f'last_checkpoint names {pointer.read_text()!r}, which is not there'

    def finished(self):
        found = self.files()
        if {*found} != {*self.expected}:
            yield f'in the end there are {sorted(found)}, not {sorted(self.expected)}'
        yield from (f'in the end {problem}' for problem in self.killed())
        yield from self.left()

    def finished_work(self):
        pointer, there = self.folder / 'work' / 'last_checkpoint', map(number, self.checkpoints())
        last = number(pointer.read_text()) if pointer.exists() else max(there, default=0)
        return dict(last=last * self.steps_per_number, logged=len(self.steps()))

    def redone(self, work):
        first = self.steps()[work['logged']:][:1]
        if first and first[0] != work['last'] + 1:
            yield f'the checkpoint was of step {work["last"]}, and the next run began with step {first[0]}'

    def steps(self):
        """The training steps in the order in which they were logged."""
        lines = [line for path in sorted((self.folder / 'work').glob('*/vis_data/scalars.json'))
                 for line in path.read_text().splitlines()]
        return [json.loads(line)['step'] for line in lines if line.endswith('}') and '"loss"' in line]


def number(name):
    """The number in a checkpoint's name, else 0."""
    found = re.search(r'(?:iter|epoch)_(\d+)\.pth$', str(name))
    return int(found[1]) if found else 0


def training_state(path):
    """{entry: digest} of all of a checkpoint that decides on how the training goes on, and of its losses so far.

    The last row of a bank holds nothing: what is not kept is written there.
    """
    content, found = torch.load(path, map_location='cpu', weights_only=True), {}

    def enter(key, value):
        if isinstance(value, torch.Tensor):
            value = value[:-1] if key.endswith('nroi.bits') else value
            value = (value.dtype, value.shape, value.contiguous().numpy().tobytes())
        elif isinstance(value, dict):
            return [enter(f'{key}.{name}', part) for name, part in value.items()]
        elif isinstance(value, (list, tuple)):
            return [enter(f'{key}.{index}', part) for index, part in enumerate(value)]
        found[key] = blake2b(repr(value).encode(), digest_size=16).hexdigest()
    for part in ('state_dict', 'ema_state_dict', 'optimizer', 'param_schedulers'):
        enter(part, content.get(part))
    enter('meta', {key: content['meta'][key] for key in ('epoch', 'iter', 'seed')})
    for key, history in content['message_hub']['log_scalars'].items():
        if 'loss' in key or 'fbr/' in key or key.endswith('lr'):
            enter(f'log.{key}', history.data[0].tolist())
    return found


def different(one, other):
    return [key for key in {**one, **other} if one.get(key) != other.get(key)]


@dataclass
class Result:
    """What the trials of a subject found; ``moments`` counts the kills at moments in time, ``progress`` is where each
    came, as a share of all operations."""
    name: str
    kills: int = 0
    moments: int = 0
    late: int = 0
    trials: int = 0
    progress: list = field(default_factory=list)
    problems: list = field(default_factory=list)

    def line(self):
        spread = f'{min(self.progress):.0%} to {max(self.progress):.0%}' if self.progress else '-'
        return (f'{self.name:<22}{self.kills:>5}{self.moments:>8}{self.kills - self.moments:>11}{self.late:>6}'
                f'{self.trials:>7}   {spread:<14}{"as uninterrupted" if not self.problems else "FAILED"}')

    HEAD = f'{"subject":<22}{"kills":>5}{"moment":>8}{"operation":>11}{"late":>6}{"runs":>7}   {"progress":<14}result'


def examine(subject, kills, seed):
    """``Result`` of so many kills, some in a row before a run is left to finish; the moments follow from the seed."""
    rng, result = random.Random(f'{seed} {subject.name}'), Result(subject.name)
    whole = subject.learn()
    while result.kills < kills and result.late <= kills and not result.problems:
        trial(subject, whole, rng, result, min(kills - result.kills, rng.randint(1, 4)))
    if result.kills < kills and not result.problems:
        result.problems.append(f'only {result.kills} of {kills} kills came in time')
    return result


def trial(subject, whole, rng, result, kills):
    subject.prepare()
    done, result.trials = 0, result.trials + 1
    for attempt in range(kills + 1):
        kill = draw(subject, whole, done, rng) if attempt < kills else NEVER
        work = subject.finished_work()
        try:
            ended = subject.run(kill)
        except TimeoutError as error:
            result.problems.append(f'{kill}: {error}')
            return
        result.problems += [f'{kill}: {problem}' for problem in subject.redone(work)]
        if not ended.killed:
            result.late += kill != NEVER
            if ended.status:
                result.problems.append(f'{subject.name} ended with status {ended.status}:\n{subject.said()}')
            break
        done += ended.operations
        result.kills += 1
        result.moments += kill.operation is None
        result.progress.append(min(done / max(whole.operations, 1), 1))
        result.problems += [f'{kill}: {problem}' for problem in subject.killed()]
    result.problems += subject.finished()


def draw(subject, whole, done, rng):
    """A moment of what a run still has to do when ``done`` operations of the uninterrupted one were there before."""
    left = max(whole.operations - done, 1)
    if subject.moments and rng.random() < 0.5:
        return Kill(seconds=rng.uniform(0.02, 0.95) * whole.seconds * max(left / whole.operations, 0.3))
    return Kill(operation=rng.randint(1, left), part=rng.choice([0, rng.random()]))
