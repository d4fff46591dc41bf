# Does bwrap make a user and a pid namespace?
# shellcheck disable=SC2016,SC2086 # the inner shell expands $show; its lines are split on purpose
show='echo "$1"; readlink /proc/self/ns/user /proc/self/ns/pid'
token=${NESTBOX_TOKEN:-by-hand}
outer=$(sh -c "$show" sh "$token")
inner=$(bwrap --ro-bind / / --dev /dev --unshare-user --unshare-pid sh -c "$show" sh "$token") || exit
set -- $outer $inner
[ "$1" = "$token" ] && [ $# = 6 ] && echo "control: outside, both namespaces are named"
[ "$4" = "$token" ] && [ "$2" != "$5" ] && [ "$3" != "$6" ] && echo "bwrap-basic-ok" && exit
echo "outside $2 $3, inside $5 $6: not another namespace"
exit 1
