#!/bin/sh
# Makes target/oracle with the independent implementation that the tests of sealing are held against.
set -eu
cd "$(dirname "$0")/../../../.."
test -x target/oracle/bin/python || python3 -m venv target/oracle
target/oracle/bin/python -m pip install --quiet --disable-pip-version-check 'cryptography>=50'
