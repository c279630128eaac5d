# Sourced by the commands of dev/: changes to the checkout and syncs .dev/venv with
# requirements.lock. Prints nothing if it is up to date. The .venv beside it is the Astro CLI's, which
# makes it with another Python and installs what it likes there.

cd "$(dirname "${BASH_SOURCE[0]}")/.."
venv=.dev/venv

bootstrap_fail() {
  echo "$1" >&2
  exit 2
}

bootstrap_python() {
  local name
  for name in python3.12 python3.11 python3; do
    if "$name" -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' \
      2>/dev/null; then
      echo "$name"
      return
    fi
  done
  return 1
}

bootstrap_quietly() {
  local output
  output="$("$@" 2>&1)" || bootstrap_fail "$output
failed: $*"
}

bootstrap() {
  # A link to a Python that was removed is not executable.
  [[ -x $venv/bin/python ]] && cmp -s requirements.lock "$venv/installed.lock" && return
  local python started=$SECONDS
  python="$(bootstrap_python)" || bootstrap_fail \
    "Python 3.11 or 3.12 is required but not on the PATH (3.13 is too new for astro-sdk-python)"
  "$python" -c 'import ensurepip, venv' 2>/dev/null || bootstrap_fail \
    "$python cannot create virtual environments; on Debian or Ubuntu: apt-get install python3-venv"
  echo "  … installing Python packages into $venv (about a minute the first time)"
  if ! "$venv/bin/python" -c '' 2>/dev/null; then
    bootstrap_quietly "$python" -m venv --clear "$venv"
  fi
  if ! "$venv/bin/uv" --version >/dev/null 2>&1; then
    bootstrap_quietly "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
      "$(grep '^uv==' dev/requirements.txt)"
  fi
  # Compile now, or every Airflow process would do it at its first start, all at once.
  bootstrap_quietly "$venv/bin/uv" pip sync --quiet --python "$venv/bin/python" --system-certs \
    --compile-bytecode --require-hashes requirements.lock
  cp requirements.lock "$venv/installed.lock"
  echo "  ✓ Python packages: $((SECONDS - started)) s"
}

bootstrap
