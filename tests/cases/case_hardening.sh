# The shipped program carries the protections that the release build asks for.
set -u
grep -q 'CMAKE_BUILD_TYPE:STRING=Release' "$COGNATE_BUILD/CMakeCache.txt" || {
    echo "not a release build: nothing to check"
    exit 77
}
program=$COGNATE_BUILD/cognate
bad=0
need() { # what, where, pattern
    echo "$2" | grep -qE "$3" || {
        echo "hardening: $program lacks $1"
        bad=1
    }
}
need "position independence" "$(readelf -hW "$program")" 'Type: +DYN'
need "read-only relocations" "$(readelf -lW "$program")" 'GNU_RELRO'
need "immediate binding" "$(readelf -dW "$program")" 'BIND_NOW|FLAGS_1.*NOW'
need "a stack that is not executable" "$(readelf -lW "$program" | grep GNU_STACK)" 'RW +0x'
need "stack protectors" "$(readelf -sW "$program")" '__stack_chk_fail'
need "checked memory functions" "$(readelf -sW "$program")" '__[a-z]+_chk'
exit $bad
