# Does Codex run a command in its sandbox?
# shellcheck disable=SC2016,SC2086 # the inner shell expands $show; its lines are split on purpose
# An image for whose platform there is no such Codex says so (exit status 69: unavailable).
[ ! -e /opt/codex/unavailable ] || { cat /opt/codex/unavailable >&2; exit 69; }
show='echo codex-inner-ok; echo "$1"; readlink /proc/self/ns/pid; sed -n "s/^NoNewPrivs:\t//p; s/^Seccomp:\t//p; s/^CapEff:\t//p" /proc/self/status'
token=${NESTBOX_TOKEN:-by-hand}
outer=$(sh -c "$show" sh "$token" | sed -n 3p)
[ -n "$outer" ] && echo "control: outside, the pid namespace is named"
cd "$(mktemp -d)" || exit
inner=$(codex sandbox linux --full-auto -- /bin/sh -lc "$show" sh "$token") || exit
set -- $inner
[ "$1" = codex-inner-ok ] && [ "$2" = "$token" ] && echo "codex-inner-ok"
[ "$3" != "$outer" ] && echo "in a pid namespace of its own"
[ "$4 $5 $6" = "0000000000000000 1 2" ] && echo "without capabilities, without new privileges, with a filter" && exit
echo "outside $outer, inside" $inner
exit 1
