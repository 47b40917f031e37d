#!/bin/sh
# The wheel in an environment that holds nothing but the locked runtime requirements says its help.
set -eu

python=${1:?usage: check_wheel.sh PYTHON}
root=$(cd "$(dirname "$0")/../.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

case $python in */*) python=$(cd "$(dirname "$python")" && pwd)/$(basename "$python") ;; esac
"$python" -m build --wheel --no-isolation --outdir "$folder/dist" "$root" >"$folder/build.log" 2>&1 ||
    { cat "$folder/build.log" >&2; exit 1; }
"$python" -m venv "$folder/venv"
pip="$folder/venv/bin/python -m pip --disable-pip-version-check --quiet"
$pip install --require-hashes -r "$root/requirements/runtime.txt"
$pip install --no-deps "$folder"/dist/gridwarden-*.whl
cd "$folder" # so that the source tree is not importable
"$folder/venv/bin/gridwarden" --help
echo "wheel: gridwarden --help runs from $(basename "$folder"/dist/gridwarden-*.whl)"
