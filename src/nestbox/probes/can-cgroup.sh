# Can a control group be made, at the root of the hierarchy?  (and removed again)
dir=$(mktemp -d) && cd / && echo "control: there is a folder to mount on"
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    mount -t cgroup2 nestbox "$dir" || exit
else
    mount -t cgroup -o pids nestbox "$dir" || exit
fi
mkdir "$dir/nestbox-$$" && rmdir "$dir/nestbox-$$" && umount "$dir" && echo "done"
