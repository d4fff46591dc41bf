# Does the command line work by which Codex finds out at its start whether bwrap does?
[ -x /bin/true ] && /bin/true && echo "control: /bin/true works"
bwrap --unshare-user --unshare-net --ro-bind / / /bin/true || exit
bwrap --unshare-user --unshare-net --ro-bind / / /bin/false
[ $? = 1 ] || { echo "/bin/false did not come back as 1"; exit 1; }
inner=$(bwrap --unshare-user --unshare-net --ro-bind / / readlink /proc/self/ns/net) || exit
[ -n "$inner" ] && [ "$inner" != "$(readlink /proc/self/ns/net)" ] && echo "Codex's test command works, and returns the exit status" && exit
echo "inside $inner: not another network namespace"
exit 1
