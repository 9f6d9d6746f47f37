#!/bin/sh
# Finds a Python >= 3.11 and lets it run bootstrap.py, which builds .venv once per content of pyproject.toml and
# constraints.txt. Needs nothing but a POSIX shell, because nothing else is promised on a fresh machine.
set -eu
unset CDPATH
cd -- "$(dirname -- "$0")/.."

new_enough() {
    "$1" -I -S -c 'import sys; sys.exit(sys.version_info < (3, 11))' </dev/null >/dev/null 2>&1
}
makes_venvs() {
    "$1" -I -c 'import ensurepip, venv' </dev/null >/dev/null 2>&1
}

# The usual case, in tens of milliseconds: .venv is there and answers.
if [ -f .venv/.built ] && new_enough .venv/bin/python; then
    exec .venv/bin/python -I -S tools/bootstrap.py "$@"
fi

if [ -n "${PYTHON:-}" ]; then
    new_enough "$PYTHON" && exec "$PYTHON" -I tools/bootstrap.py "$@"
    echo "bootstrap: PYTHON=$PYTHON is not a Python 3.11 or newer that this user can run." >&2
    exit 1
fi

# 3.12 and 3.11 first: for them every dependency has a binary wheel. A name on PATH proves nothing (version managers
# leave stubs that only print an error), so each is asked.
second_best=""
for name in python3.12 python3.11 python3.13 python3.14 python3 python; do
    new_enough "$name" || continue
    makes_venvs "$name" && exec "$name" -I tools/bootstrap.py "$@"
    second_best="${second_best:-$name}"
done
if [ -z "$second_best" ] && command -v uv >/dev/null 2>&1; then
    second_best=$(uv python find '>=3.11' 2>/dev/null || true)
fi
# Without ensurepip there is still uv, or the package that the distribution keeps it in: bootstrap.py knows.
[ -z "$second_best" ] || exec "$second_best" -I tools/bootstrap.py "$@"

cat >&2 <<'END'
bootstrap: CoreFlow360 DR needs Python 3.11 or newer, and this user has none on PATH
(asked: python3.12 python3.11 python3.13 python3.14 python3 python). Install one:
    Debian, Ubuntu    apt-get install python3 python3-venv
    Fedora, RHEL      dnf install python3.12
    macOS             brew install python@3.12
    with uv           uv python install 3.12
or name the one to use:   make test PYTHON=/path/to/python3
END
exit 1
