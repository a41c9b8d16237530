# The arrows of the layout, one name a file, no call that cannot know its buffer's size, no file that should be two.
set -u
cd "$COGNATE_SOURCE" || exit 1
bad=0
fail() {
    echo "layout: $*"
    bad=1
}

allowed() { # folder → folders it may include
    case $1 in
    common) echo common ;;
    tokenizer) echo common tokenizer ;;
    encoder) echo common encoder ;;
    encoder/import) echo common tokenizer encoder ;;
    index) echo common index ;;
    server) echo common tokenizer encoder index server ;;
    cli) echo common server encoder index cli ;;
    esac
}

for folder in common tokenizer encoder encoder/import index server cli; do
    [ "$(ls $folder/*.c 2>/dev/null | wc -l)" -gt 0 ] || fail "$folder has no source"
    for included in $(grep -hoE '^#include "[a-z]+/' $folder/*.[ch] | cut -d'"' -f2 | tr -d / | sort -u); do
        case " $(allowed $folder) " in
        *" $included "*) ;;
        *) fail "$folder includes a header of $included" ;;
        esac
    done
done
grep -lE '#include <(microhttpd|curl/)' common/*.[ch] tokenizer/*.[ch] encoder/*.[ch] index/*.[ch] && fail "sockets below server/"
grep -lE '#include <jansson' common/*.[ch] tokenizer/*.[ch] encoder/*.[ch] index/*.[ch] && fail "JSON below server/"
grep -lE '#include <sqlite3' common/*.[ch] tokenizer/*.[ch] encoder/*.[ch] server/*.[ch] && fail "SQL outside index/"

sources="$(find common tokenizer encoder index server cli tests -name '*.[ch]')"
twice=$(for f in $sources; do basename "$f"; done | sort | uniq -d)
[ -z "$twice" ] || fail "two files of one name: $twice"
grep -nE '\b(strcpy|strcat|sprintf|gets|atoi|strtok)[[:space:]]*\(' $sources && fail "a call that cannot know its buffer's size"
grep -nE '#include "[^"]*\.c"' $sources && fail "a source that includes a source"
for f in $sources; do
    [ "$(wc -l <"$f")" -le 800 ] || fail "$f is longer than 800 lines; it is two files"
done
exit $bad
