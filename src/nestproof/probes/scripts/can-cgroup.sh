# Can a control group be made, at the root of the hierarchy?  (and removed again)
dir=$(mktemp -d) && cd / && echo "control: there is a folder to mount on"
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    mount -t cgroup2 nestproof "$dir" || exit
else
    mount -t cgroup -o pids nestproof "$dir" || exit
fi
mkdir "$dir/nestproof-$$" && rmdir "$dir/nestproof-$$" && umount "$dir" && echo "done"
