# Can the host's device nodes be made to appear?
grep -qw devtmpfs /proc/filesystems || { echo "unavailable: this kernel has no devtmpfs"; exit 69; }
dir=$(mktemp -d) && cd / && echo "control: there is a folder to mount on"
mount -t devtmpfs nestproof "$dir" || exit
[ -c "$dir/kmsg" ] && umount "$dir" && echo "done"
