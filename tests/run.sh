#!/bin/sh
# Runs the tests.
#     sh tests/run.sh            everything that needs only the distribution's packages: release build, sanitizer build, ten
#                                seconds of each fuzz target
#     sh tests/run.sh clients    real clients and reference packages, from the registries, in a throw-away environment
#     sh tests/run.sh long       a minute of each fuzz target, the thread sanitizer, and the long loops
set -eu
cd "$(dirname "$0")/.."
tier=${1-all}
jobs=$(nproc)
werror=OFF
[ -z "${CI-}" ] || werror=ON

configure() { # preset, further options
    preset=$1
    shift
    echo "== $preset build"
    cmake --preset "$preset" -DWERROR=$werror -DBUILD_TESTING=ON "$@" >/dev/null
    cmake --build --preset "$preset" -j "$jobs" | grep -E 'warning|error|FAILED' || true
    cmake --build --preset "$preset" -j "$jobs" >/dev/null
}

check() { # preset, further options
    preset=$1
    shift
    ctest --test-dir "build$([ "$preset" = release ] || echo "-$preset")" --output-on-failure --no-tests=error "$@"
}

sh cli/packages.sh test
case $tier in
all)
    configure release
    check release
    configure asan
    check asan -LE case
    configure fuzz
    check fuzz -L fuzz -j "$jobs"
    ;;
clients)
    configure release
    sh tests/clients/run.sh
    ;;
long)
    configure tsan
    check tsan -L unit
    COGNATE_SOAK_SECONDS=120 check tsan -R case_soak
    configure asan
    check asan
    configure fuzz -DCOGNATE_FUZZ_SECONDS=60
    check fuzz -L fuzz -j "$jobs"
    configure release
    COGNATE_LONG=1 check release
    ;;
*)
    sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
