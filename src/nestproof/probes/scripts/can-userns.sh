# Can a user namespace be made?
outer=$(readlink /proc/self/ns/user) && [ -n "$outer" ] && echo "control: its own is named"
inner=$(unshare --user readlink /proc/self/ns/user) || exit
[ -n "$inner" ] && [ "$inner" != "$outer" ] && echo "done"
