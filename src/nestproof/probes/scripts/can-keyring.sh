# Can the kernel's keyrings be used, which no namespace separates?
# shellcheck disable=SC2016 # perl expands its own variables
command -v perl >/dev/null || { echo "unavailable: the image has no perl to ask with"; exit 69; }
case $(uname -m) in x86_64) add_key=248 ;; *) add_key=217 ;; esac
perl -e 'print "control: perl runs\n"'
# Into the process's own keyring (-2), which ends with it; linux/keyctl.h.
perl -e '($call, $type, $name, $secret) = (shift() + 0, "user", "nestproof", "x");
    syscall($call, $type, $name, $secret, 1, -2) >= 0 or die "add_key: $!\n"' "$add_key" || exit
echo "done"
