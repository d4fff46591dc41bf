# Runs probes side by side and prints what each did, as soon as it is done:
#   NONCE NAME STATUS BEGIN END OUT ERR, a newline, then OUT bytes of stdout and ERR bytes of stderr.
# BEGIN and END are seconds since boot. Arguments: NONCE, then NAME SECONDS SCRIPT for each probe.
nonce=$1
shift
# What programs say is looked through for words, and those are English ones.
export LC_ALL=C
has_room() {
    command -v df >/dev/null || return 0
    df -Pk "$1" 2>/dev/null | { read -r _ && read -r _ _ _ free _ && [ "$free" -ge 4096 ]; }
}
# True for a folder in which files can be made, and programs started.
is_usable() {
    has_room "$1" || return
    tried=$(mktemp "$1/nestproof.XXXXXX" 2>/dev/null) || return
    printf '#!/bin/sh\n' >"$tried"
    chmod 700 "$tried" 2>/dev/null && "$tried" 2>/dev/null
    usable=$?
    rm -f "$tried"
    return "$usable"
}
# A folder for the files of agents' probes, which is not that for temporary files: some agents open that one.
for place in "$HOME" /var/tmp; do
    case $place in '' | / | /tmp | /tmp/*) continue ;; esac
    is_usable "$place" && export NESTPROOF_PLACE="$place" && break
done
# Where no temporary file can be made, that is told once, by the facts; no probe's answer hangs on it.
if ! is_usable "${TMPDIR:-/tmp}" && [ -n "$NESTPROOF_PLACE" ]; then
    export NESTPROOF_TEMPORARY="${TMPDIR:-/tmp}"
    # A folder of its own in there: Codex takes no home in the one for temporary files.
    own=$(mktemp -d "$NESTPROOF_PLACE/nestproof.XXXXXX") && export TMPDIR="$own"
fi
# /dev/shm can be written also where the root file system cannot; either may have no room.
for place in /dev/shm "${TMPDIR:-/tmp}"; do
    has_room "$place" && dir=$(mktemp -d "$place/nestproof.XXXXXX" 2>/dev/null) && break
done
[ -n "$dir" ] || { echo "no folder with room for what probes print: /dev/shm, ${TMPDIR:-/tmp}" >&2; exit 125; }
trap 'rm -rf "$dir" ${own:+"$own"}' EXIT
# A probe that floods its output is stopped by the kernel (blocks of 512 or 1024 bytes, by shell).
ulimit -f 16384
limit=''
command -v timeout >/dev/null && limit='timeout -k 1'

# Whoever has read the one line in here may print. The shell reads and writes it itself: a busy machine of two
# cores spends longer on starting programs than on most probes.
mkfifo "$dir/turn" && exec 9<>"$dir/turn" && echo >&9 || exit 125

ask() {
    read -r begin _ </proc/uptime
    # In a shell of its own: some report a program's end to where that program wrote, and are stopped too.
    (${limit:+$limit "$2"} sh -c "$3" "$1" >"$dir/$1.out" 2>"$dir/$1.err" </dev/null 9>&-)
    status=$?
    read -r end _ </proc/uptime
    cd "$dir" || exit
    # What a child that is left goes on writing is not counted.
    # shellcheck disable=SC2046 # two sizes, each with its file
    set -- "$1" $(wc -c "$1.out" "$1.err")
    out=$2 err=$4
    [ "$out" -le 65536 ] || out=65536
    [ "$err" -le 65536 ] || err=65536
    read -r _ <&9
    printf '%s %s %s %s %s %s %s\n' "$nonce" "$1" "$status" "$begin" "$end" "$out" "$err"
    [ "$out" = 0 ] || head -c "$out" "$1.out"
    [ "$err" = 0 ] || head -c "$err" "$1.err"
    echo >&9
}

while [ $# -gt 0 ]; do
    ask "$1" "$2" "$3" 2>/dev/null &
    shift 3
done
wait
