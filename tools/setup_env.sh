#!/usr/bin/env bash
# Sets .venv up: the versions of requirements/, which are known to run together, and mmfbr itself, editable.
# With STACK=onedl the OneDL forks take the place of OpenMMLab's packages, in a .venv-onedl of its own.
# A stage that is done leaves a stamp with the checksum of what it was made from: a repeat has nothing to do, a set-up that
# was stopped goes on, and a changed requirement is installed. PYTHON chooses the interpreter.
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf 'setup: %s\n' "$*"; }
fail() {
    say "$*" >&2
    exit 1
}

case ${STACK:-openmmlab} in
    openmmlab) venv=.venv mm=requirements/ mmcv_wheel=mmcv ;;
    onedl) venv=.venv-onedl mm=requirements/onedl- mmcv_wheel=onedl_mmcv ;;
    *) fail "STACK is $STACK: openmmlab and onedl are the stacks there are." ;;
esac
python=$venv/bin/python
log=$venv/setup.log

# Prints the version of an interpreter that can be used. Asking it beats `command -v`: pyenv's shims exist and may not run.
version_of() {
    "$1" -c 'import sys, ensurepip, venv
assert (3, 10) <= sys.version_info < (3, 13)
print("%d.%d" % sys.version_info[:2])' 2>/dev/null
}

find_python() {
    local candidate
    for candidate in ${PYTHON:-python3.11 python3.10 python3.12}; do
        if version_of "$candidate" >/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

logged() {
    "$@" >"$log" 2>&1 </dev/null && return
    tail -n 30 "$log" >&2
    fail "failed: $*; the whole output is in $log. The same make again goes on from here."
}

pip() { logged "$python" -m pip --disable-pip-version-check --no-input "$@"; }

# Without the debug symbols that Python's own flags ask for, each of mmcv's files compiles in a third of the time.
pip_mmcv() { MMCV_WITH_OPS=1 CPPFLAGS="${CPPFLAGS:-} -g0" pip install --no-build-isolation -r "${mm}mmcv.txt" "$@"; }

# A shared object of mmcv may have been built without torch, or for another torch: only a call tells.
ops_run() {
    "$python" - >>"$log" 2>&1 <<'CHECK'
import torch
from mmcv.ops import nms, roi_align
boxes = torch.tensor([[0., 0., 8., 8.], [0., 0., 8., 7.], [20., 20., 28., 28.]])
assert nms(boxes, torch.tensor([.9, .8, .7]), 0.5)[1].tolist() == [0, 2]
assert roi_align(torch.ones(1, 1, 16, 16), torch.tensor([[0., 0., 0., 8., 8.]]), 2).sum() == 4
CHECK
}

key=''
# stage NAME 'what it does, how long it takes' FILE...: adds the files to the key, and succeeds when NAME is to be done.
# Each key contains those before it, so that mmcv is checked again when torch has changed.
stage() {
    name=$1
    key=$(cat "${@:3}" | cksum; echo "$key")
    key=$(cksum <<<"$key")
    [ "$(cat "$venv/.stamps/$name" 2>/dev/null)" = "$key" ] && return 1
    rm -f "$venv/.stamps/$name"
    say "$2"
}
done_with() { echo "$key" >"$venv/.stamps/$name"; }

has=$(version_of "$python" || true)
if [ -z "$has" ] || ! grep -qF "$PWD/$venv" "$venv/bin/activate" || ! "$python" -c 'import pip' 2>/dev/null ||
    { [ -n "${PYTHON:-}" ] && [ "$(version_of "$PYTHON")" != "$has" ]; }; then
    found=$(find_python) || fail "no interpreter: none of ${PYTHON:-python3.11, python3.10, python3.12} runs with its venv module."
    has=$(version_of "$found")
    say "making $venv with Python $has, 10 seconds"
    rm -rf "$venv"
    "$found" -m venv "$venv"
fi
mkdir -p "$venv/.stamps"

constraints=requirements/constraints-$has.txt
[ -e "$constraints" ] || constraints=/dev/null

if stage torch 'installing torch and what mmcv is built with, about 1 minute' requirements/{torch,headless}.txt "$constraints"; then
    [ "$has" = 3.11 ] || say "Python $has: this set of versions was measured with Python 3.11 only"
    pip install -r requirements/torch.txt -c "$constraints"
    "$python" -c 'import cv2' 2>>"$log" || pip install --no-deps -r requirements/headless.txt
    done_with
fi
if stage mmcv 'installing mmcv; building its ops takes about 10 minutes on 2 cores, unless pip has kept them' "${mm}mmcv.txt"; then
    pip_mmcv -c "$constraints"
    if ! ops_run; then
        say "this mmcv's ops do not run with this torch, building them anew, about 10 minutes on 2 cores"
        "$python" -m pip cache remove $mmcv_wheel >>"$log" 2>&1 || true
        pip_mmcv --no-deps --force-reinstall
        logged ops_run
    fi
    done_with
fi
if stage mm 'installing mmengine, mmsegmentation, mmdet, mim and the test tools, about 1 minute' "${mm}mm.txt" requirements/dev.txt "${mm}no-deps.txt"; then
    pip install -r "${mm}mm.txt" -r requirements/dev.txt -c "$constraints"
    # What these ask for would take other packages back to old versions, and is needed by parts of them alone.
    pip install --no-deps --no-build-isolation -r "${mm}no-deps.txt"
    done_with
fi
[ -e mmfbr/.mim/configs/ ] && [ -d mmfbr.egg-info ] || rm -f "$venv/.stamps/mmfbr"
if stage mmfbr 'installing mmfbr itself, editable, 10 seconds' setup.py mmfbr/version.py; then
    pip install --no-deps --no-build-isolation -e .
    done_with
    say "$venv is ready"
fi
