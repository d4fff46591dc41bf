# Can a file system be mounted in namespaces of one's own?
dir=$(mktemp -d) && cd / && echo "control: there is a folder to mount on"
unshare --user --map-root-user --mount \
    sh -c "mount -t tmpfs nestproof '$dir' && grep -q ' $dir .* tmpfs ' /proc/self/mountinfo" || exit
echo "done"
