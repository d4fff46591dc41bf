# Can a file system be mounted?
dir=$(mktemp -d) && cd "$dir" && echo "control: there is a folder to mount on"
mount -t tmpfs nestproof "$dir" || exit
grep -q " $dir .* tmpfs " /proc/self/mountinfo && umount "$dir" && echo "done"
