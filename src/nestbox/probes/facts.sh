# What is here that decides about a sandbox?  A line each: a name, a tab, what is found.
tell() { printf '%s\t%s\n' "$1" "$2"; }
read_file() { [ -r "$2" ] && tell "$1" "$(tr '\0\n' '  ' <"$2" 2>/dev/null)"; }
tell uid "$(id -u)"
tell kernel "$(uname -sr)"
tell machine "$(uname -m)"
sed -n 's/^\(Cap[A-Z][a-z]*\|NoNewPrivs\|Seccomp\):[[:space:]]*/\1\t/p' /proc/self/status
read_file apparmor /proc/self/attr/apparmor/current 2>/dev/null || read_file apparmor /proc/self/attr/current 2>/dev/null
for name in kernel/unprivileged_userns_clone kernel/apparmor_restrict_unprivileged_userns \
    user/max_user_namespaces user/max_mnt_namespaces user/max_pid_namespaces user/max_net_namespaces; do
    read_file "$name" "/proc/sys/$name"
done
read_file uid_map /proc/self/uid_map
read_file selinux /sys/fs/selinux/enforce
tell masked "$(sed -n 's|^.* \(/proc/[^ ]*\) .*|\1|p' /proc/self/mountinfo | tr '\n' ' ')"
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then tell cgroup 2; else tell cgroup 1; fi
for file in /.dockerenv /run/.containerenv; do [ ! -e "$file" ] || tell container "$file"; done
tell unshare "$(unshare --user true 2>&1 && echo works)"
if command -v codex >/dev/null; then tell codex "$(codex --version 2>&1 | head -n 1)"; fi
path=$(command -v bwrap) || exit 0
tell bwrap "$path"
tell bwrap-mode "$(stat -L -c '%a %U' "$path")"
tell bwrap-version "$(bwrap --version 2>&1 | head -n 1)"
# shellcheck disable=SC2016 # dpkg-query expands its own variables
tell bwrap-package "$(dpkg-query -W -f '${Version}' bubblewrap 2>/dev/null || rpm -q bubblewrap 2>/dev/null)"
