#!/bin/sh
# What the image holds beside our own code; the tests run these very lines in a plain environment.
set -eu
python="$1"
"$python" -m pip install --quiet --disable-pip-version-check --no-cache-dir --require-hashes --only-binary=:all: \
  -r "$(dirname "$0")/requirements.txt"
