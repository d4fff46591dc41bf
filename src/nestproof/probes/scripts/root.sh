# How does the remote user become root without a password? By trying, not by reading files alone.
if [ "$(id -u)" = 0 ]; then
    echo "control: writing is told from not writing"
    echo "root=user"
    exit 0
fi
own=$(mktemp 2>/dev/null) || own=/tmp/nestproof-own-$$
: >"$own"
[ -w "$own" ] && [ ! -w /proc/version ] && echo "control: writing is told from not writing"
# A password that is wrong makes su wait for a second or two, one that is empty does not: looked at in the end.
command -v su >/dev/null 2>&1 && su root -c 'id -u' </dev/null >"$own" 2>/dev/null &

as_root() {
    [ "$(timeout 5 "$@" id -u </dev/null 2>/dev/null)" = 0 ]
}

# What runs other programs, or writes any file, when it runs as root: as good as a shell.
opens() {
    case ${1##*/} in
    ALL | sh | bash | dash | zsh | fish | ksh | env | find | tar | vi | vim | nano | less | more | man | awk | gawk | mawk | sed | \
        tee | cp | mv | dd | install | ln | chown | chmod | perl | python* | ruby | node | php | lua | git | docker | podman | \
        nsenter | unshare | chroot | mount | su | sudo | apt | apt-get | dpkg | rpm | dnf | yum | apk | pip* | npm | make | gdb | \
        strace | rsync | ssh | systemctl | service | crontab | at | visudo | usermod | useradd | passwd | bwrap | nice | nohup | \
        timeout | xargs | xxd | ed | ex | emacs | screen | tmux | script | watch | busybox) return 0 ;;
    esac
    case $1 in *'*'*) return 0 ;; esac
    [ -w "$1" ] || [ -w "${1%/*}" ]
}

if command -v sudo >/dev/null 2>&1; then
    if as_root sudo -n; then
        echo "root=sudo"
    else
        # Such a line reads `(root) NOPASSWD: /usr/bin/one, /usr/bin/two arguments`.
        timeout 5 sudo -n -l 2>/dev/null | sed -n 's/^ *(\(root\|ALL\)[^)]*) .*NOPASSWD: *//p' | tr ',' '\n' |
            while read -r program arguments; do
                if opens "$program"; then
                    echo "root=sudo:$program"
                else
                    echo "may run as root: $program${arguments:+ $arguments}"
                fi
            done
    fi
fi
command -v doas >/dev/null 2>&1 && as_root doas -n && echo "root=doas"
command -v pkexec >/dev/null 2>&1 && as_root pkexec --disable-internal-agent && echo "root=pkexec"

for socket in /var/run/docker.sock /run/docker.sock /run/containerd/containerd.sock /run/podman/podman.sock; do
    [ -S "$socket" ] && [ -w "$socket" ] && echo "root=socket:$(readlink -f "$socket")"
done
for group in $(id -nG); do
    case $group in docker | disk | lxd | kmem) echo "root=group:$group" ;; esac
done

for file in /etc/passwd /etc/shadow /etc/group /etc/sudoers /etc/sudoers.d /etc/doas.conf /etc/pam.d /etc/ld.so.preload \
    /etc/ld.so.conf.d /etc/crontab /etc/cron.d /etc/cron.hourly /etc/cron.daily /etc/cron.weekly /var/spool/cron \
    /var/spool/cron/crontabs /etc/profile /etc/profile.d /etc/bash.bashrc /etc/environment /etc/init.d /etc/systemd/system \
    /root /root/.profile /root/.bashrc /usr/local/sbin /usr/local/bin /usr/sbin /usr/bin /sbin /bin /usr/lib /lib; do
    [ -e "$file" ] && [ -w "$file" ] && echo "root=writable:$file"
done

# With no_new_privs, neither the setuid bit nor file capabilities count.
if ! grep -q '^NoNewPrivs:.*1' /proc/self/status; then
    find / -xdev -type f -perm -4000 -user 0 2>/dev/null | while read -r program; do
        case $program in
        /bin/* | /sbin/* | /usr/bin/* | /usr/sbin/* | /usr/lib/* | /usr/libexec/* | /lib/* | /opt/google/chrome/*)
            case ${program##*/} in
            su | sudo | doas | pkexec | mount | umount | passwd | chsh | chfn | newgrp | gpasswd | chage | expiry | bwrap | \
                fusermount | fusermount3 | newuidmap | newgidmap | ping | ping6 | at | crontab | ssh-keysign | \
                dbus-daemon-launch-helper | polkit-agent-helper-1 | unix_chkpwd | pam_timestamp_check | mount.nfs | mount.cifs | \
                ntfs-3g | Xorg.wrap | chrome-sandbox | snap-confine | exim4 | staprun | userhelper | bbsuid | \
                polkit-dbus-helper | polkit-explicit-grant-helper | usernetctl | traceroute6.iputils | \
                sg | wall | write) continue ;;
            esac
            ;;
        esac
        echo "root=setuid:$program"
    done
    if command -v getcap >/dev/null 2>&1; then
        # Not by its own -r, which ends at the first process that goes away under /proc.
        find / -xdev -type f \( -perm -100 -o -perm -10 -o -perm -1 \) -exec getcap {} + 2>/dev/null |
            while read -r program rest; do
            case $rest in
            *cap_setuid* | *cap_setgid* | *cap_dac_override* | *cap_dac_read_search* | *cap_sys_admin* | *cap_sys_ptrace* | \
                *cap_sys_module* | *cap_chown* | *cap_fowner* | *cap_setfcap* | *cap_sys_chroot* | *=ep*)
                case ${program##*/} in newuidmap | newgidmap) ;; *) echo "root=capabilities:$program" ;; esac
                ;;
            esac
        done
    fi
fi

# Who may read the link to a process's program may trace it (ptrace(2), PTRACE_MODE_READ; proc(5)).
for process in /proc/[0-9]*; do
    [ -e "$process/exe" ] || continue
    owner=
    while read -r key owner _; do [ "$key" != Uid: ] || break; done 2>/dev/null <"$process/status"
    [ "$owner" != 0 ] || { echo "root=trace" && break; }
done
sleep 0.1 2>/dev/null || sleep 1
[ "$(cat "$own" 2>/dev/null)" = 0 ] && echo "root=su"
rm -f "$own"
exit 0
