# Does bwrap make a network namespace in which lo is the only interface, and up?
# shellcheck disable=SC2016,SC2086 # the inner shell expands $show; its lines are split on purpose
show='echo "$1"; readlink /proc/self/ns/net; sed -n "s/^ *\([^ ]*\):.*/\1/p" /proc/net/dev; grep -c 127.0.0.1 /proc/net/fib_trie'
token=${NESTPROOF_TOKEN:-by-hand}
outer=$(readlink /proc/self/ns/net) && [ -n "$outer" ] && echo "control: outside, the network namespace is named"
inner=$(bwrap --ro-bind / / --dev /dev --unshare-user --unshare-net sh -c "$show" sh "$token") || exit
set -- $inner
if [ "$1" = "$token" ] && [ "$2" != "$outer" ] && [ "$3" = lo ] && [ $# = 4 ] && [ "$4" -gt 0 ]; then
    echo "bwrap-netns-ok"
    exit
fi
echo "outside $outer, inside" $inner
exit 1
