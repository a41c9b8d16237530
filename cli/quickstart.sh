#!/bin/sh
# From a bare Debian 12 or Ubuntu 24.04 to answers: installs the packages, builds, indexes data/samples, asks one question in
# five languages. Can be run again; what is done already is not done twice.
set -eu
cd "$(dirname "$0")/.."

sh cli/packages.sh build
echo "quickstart: building (build/cognate)"
cmake --preset release -DBUILD_TESTING=OFF >build.log 2>&1 && cmake --build --preset release >>build.log 2>&1 || {
    cat build.log >&2
    echo "quickstart: the build failed; what it said is above and in build.log" >&2
    exit 2
}
rm -f build.log

cognate="build/cognate --db build/samples.db"
echo "quickstart: indexing data/samples"
$cognate index data/samples/corpus.jsonl

tab=$(printf '\t')
while IFS=$tab read -r language question; do
    printf '\n? [%s] %s\n' "$language" "$question"
    $cognate search -k 4 "$question" </dev/null
done <data/samples/quickstart.tsv

cat <<'END'

The samples are in build/samples.db. What next:
  build/cognate index ~/Documents                       index a folder of your own (into your default store)
  build/cognate search "a question in any language"     ask it
  build/cognate --db build/samples.db serve             serve the samples on http://127.0.0.1:8088
END
