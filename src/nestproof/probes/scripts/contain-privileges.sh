# Has a process in the sandbox no capability, no way to new privileges, and the filter that it is given?
token=${NESTPROOF_TOKEN:-by-hand}
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT
show='s/^\(Cap[EPB][a-z]*\|NoNewPrivs\|Seccomp\):\t/\1 /p; s/^Seccomp_filters:\t/filters /p'
outer=$(sed -n "$show" /proc/self/status)
case $outer in *CapBnd*Seccomp*) echo "control: outside, the kernel says what a process has" ;; esac
# A filter that allows everything: one instruction of classic BPF, return SECCOMP_RET_ALLOW.
printf '\006\000\000\000\000\000\377\177' >"$dir/filter"
inner=$(bwrap --ro-bind / / --dev /dev --unshare-user --unshare-pid --seccomp 9 \
    sh -c "echo $token; sed -n '$show' /proc/self/status" 9<"$dir/filter") || exit
none=0000000000000000
wanted="$token CapPrm $none CapEff $none CapBnd $none NoNewPrivs 1 Seccomp 2"
case "$(echo "$inner" | tr '\n' ' ')" in
"$wanted "*) ;;
*) echo "inside: $inner" && exit 1 ;;
esac
[ "${inner##*filters }" = "${outer##*filters }" ] && echo "no further filter is on" && exit 1
echo "the sandbox has no capability, no new privileges, one filter more"
