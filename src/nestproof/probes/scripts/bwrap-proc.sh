# Can a sandbox with a pid namespace of its own have a /proc of its own?
bwrap --ro-bind / / --dev /dev --unshare-user --unshare-pid true && echo "control: the sandbox works without --proc"
inner=$(bwrap --ro-bind / / --dev /dev --unshare-user --unshare-pid --proc /proc \
    sh -c 'ls /proc | grep -c "^[0-9]"') || exit
# bwrap's init, sh, ls and grep; outside there are more.
[ "$inner" -le 6 ] && echo "bwrap-proc-ok" && exit
echo "$inner processes are visible"
exit 1
