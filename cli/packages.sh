#!/bin/sh
# Installs what Cognate needs from the distribution (Debian 12, Ubuntu 24.04) and prints what it installs.
#     sh cli/packages.sh build     compiler and libraries
#     sh cli/packages.sh test      these, and what the tests need
#     sh cli/packages.sh browser   the browser that tries the web page
# Does nothing, and needs no network, when all of it is there.
set -eu

build="gcc g++ libc6-dev cmake ninja-build pkg-config libopenblas-dev libsqlite3-dev libicu-dev libmicrohttpd-dev libgnutls28-dev libjansson-dev \
libutf8proc-dev nettle-dev libcurl4-gnutls-dev libcsv-dev libcld2-dev libxml2-dev \
libarchive-dev"
test="clang libclang-rt-dev libcmocka-dev python3 python3-venv curl procps poppler-utils openssl dpkg-dev systemd"

case "${1-}" in
build) wanted=$build ;;
test) wanted="$build $test" ;;
browser) wanted=chromium ;;
*)
    echo "usage: sh cli/packages.sh build|test|browser" >&2
    exit 2
    ;;
esac

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "packages: this is no Debian or Ubuntu system; install the counterparts of these, then go on: $wanted" >&2
    exit 0
fi

missing=
for package in $wanted; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

root=
if [ "$(id -u)" != 0 ]; then
    root=sudo
    command -v sudo >/dev/null || {
        echo "packages: these are missing and only root can install them:$missing" >&2
        exit 2
    }
fi
echo "packages: installing$missing"
$root apt-get update -qq
# shellcheck disable=SC2086 # the list is words
$root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
