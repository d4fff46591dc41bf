# How could this user open the firewall?  A line each, `way TAB words TAB command`, of what is worth a try; `script`
# in place of `way` where the firewall's own script is run. And `file TAB file TAB script` for each file that a script
# reads. Run by root, who may read them, with $denied and $addresses. No command has a single quote.
# (arguments: the firewall's scripts)
# shellcheck disable=SC2154 # the two come from whoever runs it
way() { printf '%s\t%s\t%s\n' "$1" "$2" "$3"; }
# $FLUSH flushes the rules of all tools: see tamper.py.
tools() {
    for tool in iptables ip6tables iptables-nft ip6tables-nft iptables-legacy ip6tables-legacy; do
        command -v "$tool" >/dev/null 2>&1 || continue
        way way "$1 $tool, which flushes the rules" "$2$tool -P OUTPUT ACCEPT && $2$tool -F OUTPUT"
        rules='*filter\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n'
        way way "$1 $tool-restore, which replaces the rules" "printf \"$rules\" | $2$tool-restore"
    done
    way way "$1 nft, which flushes the rules" "$2nft flush ruleset"
    for one in $addresses; do
        way way "$1 ipset, which adds to the sets" "for s in \$($2ipset list -n); do $2ipset add -exist \$s $one && a=1; done; [ \$a ]"
    done
}
tools "its own capabilities run" ""
if command -v sudo >/dev/null 2>&1; then
    for shell in sh bash "env sh"; do way way "sudo runs a shell, which flushes the rules" "sudo -n $shell -c \"\$FLUSH\""; done
    run='import os, sys; os.system(sys.argv[1])'
    way way "sudo runs python3, which flushes the rules" "sudo -n python3 -c \"$run\" \"\$FLUSH\""
    way way "sudo runs perl, which flushes the rules" "sudo -n perl -e \"system shift\" \"\$FLUSH\""
    tools "sudo runs" "sudo -n "
fi
reads() { sed 's/>>*[[:space:]]*[^[:space:]]*//g; s/tee [^|]*//' "$1" | grep -oE '(/[A-Za-z0-9._-]+)+' | sort -u; }
for script in "$@"; do
    # shellcheck disable=SC2016 # characters, not a variable
    names=$(grep -oE '\$\{?[A-Z][A-Z0-9_]*' "$script" 2>/dev/null | tr -d '${' | sort -u)
    for name in $names; do
        command -v sudo >/dev/null 2>&1 || break
        case $name in
        *ALLOW* | *DOMAIN* | *HOST* | *EXTRA* | *LIST*) value=$denied ;;
        *SKIP* | *DISABLE* | *OPEN*) value=1 ;;
        *ENABLE*) value=0 ;;
        *) continue ;;
        esac
        # Each by itself: one that is refused the variable would close what another opened.
        for run in "sudo -n $name=$value" "$name=$value sudo -n" "$name=$value sudo -n --preserve-env=$name"; do
            way script "sudo runs $script with $name=$value" "$run $script"
        done
    done
    grep -q '\$[1@*]' "$script" 2>/dev/null && way script "sudo runs $script with the argument $denied" "sudo -n $script $denied"
    printf 'file\t%s\t%s\n' "$script" "$script"
    for file in $(reads "$script" 2>/dev/null); do
        case $file in /dev/* | /proc/* | /sys/* | "$script") continue ;; esac
        [ -f "$file" ] || continue
        printf 'file\t%s\t%s\n' "$file" "$script"
        # What a configuration names in its turn, such as the list of a proxy.
        case $(head -c 64 "$file" | tr -d '\0') in *ELF*) continue ;; esac
        for other in $(reads "$file" 2>/dev/null); do
            case $other in /dev/* | /proc/* | /sys/*) continue ;; esac
            [ -f "$other" ] && printf 'file\t%s\t%s\n' "$other" "$script"
        done
    done
done
exit 0
