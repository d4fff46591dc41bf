# What is here that decides about a sandbox?  A line each: a name, a tab, what is found.
tell() { printf '%s\t%s\n' "$1" "$2"; }
# By the shell itself, where it can: starting programs is nearly all that this costs.
tell_first_line() { read -r line && tell "$1" "$line"; }
# shellcheck disable=SC2046 # three words
set -- $(uname -srm)
tell kernel "$1 $2"
tell machine "$3"
sed -n 's/^\(Cap[A-Z][a-z]*\|NoNewPrivs\|Seccomp\):[[:space:]]*/\1\t/p
    s/^Uid:[[:space:]]*[0-9]*[[:space:]]*\([0-9]*\).*/uid\t\1/p' /proc/self/status
for file in /proc/self/attr/apparmor/current /proc/self/attr/current; do
    [ -r "$file" ] && tell apparmor "$(tr '\0\n' '  ' <"$file" 2>/dev/null)" && break
done
# Not by the shell: it reads byte by byte, and the kernel gives all of a sysctl's value in one read or none.
cd /proc/sys && grep -sH '' kernel/unprivileged_userns_clone kernel/apparmor_restrict_unprivileged_userns \
    user/max_user_namespaces user/max_mnt_namespaces user/max_pid_namespaces user/max_net_namespaces \
    /proc/self/uid_map /sys/fs/selinux/enforce | while IFS=: read -r file value; do
    case $file in
    /*) file=${file##*/} ;;
    esac
    [ "$file" != enforce ] || file=selinux
    tell "$file" "$value"
done
# shellcheck disable=SC2046 # as many words as there are such mounts
set -- $(sed -n 's|^.* \(/proc/[^ ]*\) .*|\1|p' /proc/self/mountinfo)
tell masked "$*"
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then tell cgroup 2; else tell cgroup 1; fi
for file in /.dockerenv /run/.containerenv; do [ ! -e "$file" ] || tell container "$file"; done
# A pod's variables are not given to every process that is started in it; its cgroup is.
if [ -n "$KUBERNETES_SERVICE_HOST" ] || grep -qs kubepods /proc/self/cgroup /proc/self/mountinfo; then tell pod yes; fi
[ "$CODESPACES" != true ] || tell codespace yes
# By the folder that the system has for it, whatever the probes use in its place.
takes_files() { dir=$(mktemp -d "$1/nestproof.XXXXXX") && trap 'rm -r "$dir"' EXIT && head -c 8192 /dev/zero >"$dir/a"; }
if ! said=$(takes_files "${NESTPROOF_TEMPORARY:-${TMPDIR:-/tmp}}" 2>&1); then
    tell temporary "$(echo "$said" | head -n 1)"
    [ -n "$NESTPROOF_PLACE" ] || tell no-place yes
fi
tell unshare "$(unshare --user true 2>&1 && echo works)"
command -v codex >/dev/null && codex --version 2>&1 | tell_first_line codex
path=$(command -v bwrap) || exit 0
tell bwrap "$path"
tell bwrap-mode "$(stat -L -c '%a %U' "$path")"
bwrap --version 2>&1 | tell_first_line bwrap-version
# shellcheck disable=SC2016 # dpkg-query expands its own variables
tell bwrap-package "$(dpkg-query -W -f '${Version}' bubblewrap 2>/dev/null || rpm -q bubblewrap 2>/dev/null)"
