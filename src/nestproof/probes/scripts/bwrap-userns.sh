# Does the kernel give bwrap namespaces?  (--info-fd names them once they exist, before anything is mounted)
outer=$(readlink /proc/self/ns/mnt) && [ -n "$outer" ] && echo "control: outside, the mount namespace is named"
user=$(readlink /proc/self/ns/user)
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT
inner=$(bwrap --info-fd 8 --ro-bind / / --unshare-user readlink /proc/self/ns/user 8>"$dir/info" 2>"$dir/err")
status=$?
made=$(sed -n 's/.*"mnt-namespace": \([0-9]*\).*/mnt:[\1]/p' "$dir/info")
if [ -n "$made" ] && [ "$made" != "$outer" ]; then
    [ "$status" != 0 ] && echo "user and mount namespaces are made; bwrap stops later" && exit
    [ -n "$inner" ] && [ "$inner" != "$user" ] && echo "the sandbox has its own user and mount namespaces" && exit
fi
cat "$dir/err" >&2
echo "outside $outer $user, inside ${made:-nothing} ${inner:-nothing}: not other namespaces"
exit 1
