#!/usr/bin/env bash
# Installs a wheel into a fresh environment, outside the source tree, and runs the demo and a classification with it.
# Usage: tests/support/try_wheel.sh dist/graftkit-0.1.0-py3-none-any.whl
set -euo pipefail
wheel=$(realpath "$1")
python=${PYTHON:-$(dirname "$0")/../../.venv/bin/python}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/venv"
cd "$folder"
venv/bin/python -m pip install --quiet --disable-pip-version-check "graftkit[host] @ file://$wheel"
export GRAFT_CACHE=$folder/cache
venv/bin/graft demo --folder demo --weights random
venv/bin/graft-device classify demo/parts.tflite demo/new/*.jpg
venv/bin/graft-device classify demo/parts.tflite demo/new/nut.jpg --json | grep -q '"predictions"'
