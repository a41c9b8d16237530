#!/bin/sh
# Runs each tests/clients/test_*.py and tests/web/test_*.py in an environment of its own folder under build/, with the packages of requirements.txt
# and package.json. What cannot be fetched is reported as skipped, by name. Exit code 1 when a test fails.
set -u
cd "$(dirname "$0")/../.."
export COGNATE_SOURCE="$PWD" COGNATE_BUILD="$PWD/build" COGNATE_SHARED="${COGNATE_SHARED-$PWD/../shared}"
export COGNATE_MODEL="$PWD/data/cognate-e5-512.gguf"
environment=build/clients
[ -x $environment/bin/python ] || python3 -m venv $environment || {
    echo "clients: python3 -m venv does not work here; install python3-venv" >&2
    exit 1
}
fetch="$environment/bin/pip install -q --disable-pip-version-check"
missing=
$fetch -r tests/clients/requirements.txt || while read -r package; do
    case $package in "" | "#"*) continue ;; esac
    $fetch "$package" || missing="$missing $package"
done <tests/clients/requirements.txt
node=build/clients-node
if command -v npm >/dev/null; then
    mkdir -p $node
    cp tests/clients/package.json $node
    (cd $node && npm install --silent --no-audit --no-fund --no-package-lock) || missing="$missing node:openai"
else
    missing="$missing node:openai (no npm here)"
fi
command -v chromium >/dev/null || sh cli/packages.sh browser || missing="$missing chromium"
[ -z "$missing" ] || echo "clients: could not be fetched:$missing"

passed=0 failed=0 skipped=0
for test in tests/clients/test_*.py tests/web/test_*.py; do
    echo "== $test"
    $environment/bin/python "$test"
    case $? in
    0) passed=$((passed + 1)) ;;
    77) skipped=$((skipped + 1)) && echo "skipped: $test" ;;
    *) failed=$((failed + 1)) && echo "FAILED: $test" ;;
    esac
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
