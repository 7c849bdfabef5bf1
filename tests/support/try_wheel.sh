#!/usr/bin/env bash
# Installs a wheel into a fresh environment without TensorFlow, outside the source tree, and tries it there: the demo, a
# classification, the commands that read a model, the export, which names the extra that it needs, and the studio.
# Usage: tests/support/try_wheel.sh dist/graftkit-0.1.0-py3-none-any.whl
set -euo pipefail
wheel=$(realpath "$1")
here=$(realpath "$(dirname "$0")")
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
venv/bin/python -c 'import importlib.util, sys; sys.exit(importlib.util.find_spec("tensorflow") is not None)'
venv/bin/graft evaluate demo/parts.tflite demo/photos --split all
venv/bin/graft diagnose demo/parts.tflite demo/photos --limit 4 --weights random
venv/bin/graft inspect demo/parts.tflite
if venv/bin/graft export demo/parts.tflite --format keras -o parts.keras 2>export.txt; then exit 1; fi
grep -F "pip install 'graftkit[tensorflow]'" export.txt
venv/bin/python -m pip install --quiet --disable-pip-version-check "graftkit[studio] @ file://$wheel"
venv/bin/python "$here/try_studio.py" pets
