# Does Codex run a command in its sandbox?
# shellcheck disable=SC2016,SC2086 # the inner shell expands its arguments; its lines are split on purpose
# An image for whose platform there is no such Codex says so.
[ ! -e /opt/codex/unavailable ] || { echo "unavailable: $(cat /opt/codex/unavailable)"; exit 69; }
token=${NESTPROOF_TOKEN:-by-hand}
until [ "$(sh -c 'echo $$')" -gt 40 ]; do :; done
sleep 60 &
outer=$!
dir=$(mktemp -d "${NESTPROOF_PLACE:-${TMPDIR:-/tmp}}/nestproof.XXXXXX") && trap 'kill "$outer" 2>/dev/null; rm -rf "$dir"' EXIT && cd "$dir" || exit
# A home of its own: two that start at once in one take each other's files away.
mkdir "$dir/codex" && export CODEX_HOME="$dir/codex"
pids=$(readlink /proc/self/ns/pid) && kill -0 "$outer" && echo "control: outside, the process can be signalled"
# The command line changed after about 0.120: `codex sandbox linux` is the older one.
if codex sandbox --help 2>/dev/null | grep -q '^  linux '; then set -- linux --full-auto; else set --; fi
show='echo codex-inner-ok; echo "$1"; readlink /proc/self/ns/pid; kill -KILL "$2" 2>/dev/null && echo killed
    sed -n "s/^NoNewPrivs:\t//p; s/^Seccomp:\t//p; s/^CapEff:\t//p" /proc/self/status'
inner=$(codex sandbox "$@" -- /bin/sh -lc "$show" sh "$token" "$outer") || exit
printf '%s\n' "$inner" | grep -x codex-inner-ok
# What a login shell's profile prints comes first, and is not ours to judge.
set -- ${inner##*codex-inner-ok}
[ "$1" = "$token" ] && [ -n "$pids" ] && [ "$2" != "$pids" ] && kill -0 "$outer" && echo "in a pid namespace of its own"
[ "$3 $4 $5" = "0000000000000000 1 2" ] && [ $# = 5 ] && echo "without capabilities, without new privileges, with a filter" && exit
echo "outside $pids, inside" $inner
exit 1
