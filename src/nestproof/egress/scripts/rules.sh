# Which rules, sets, routes and resolvers are there?  A line `== NAME` before each part.
part() {
    command -v "$2" >/dev/null 2>&1 || return
    echo "== $1"
    shift
    "$@" 2>&1 || echo "!! $1 failed"
}
part legacy4 iptables-legacy-save
part legacy6 ip6tables-legacy-save
part nft nft list ruleset
part nft4 iptables-nft-save
part nft6 ip6tables-nft-save
if ! command -v iptables-legacy-save >/dev/null 2>&1 && ! command -v iptables-nft-save >/dev/null 2>&1; then
    part tables4 iptables-save
    part tables6 ip6tables-save
fi
part sets ipset save
echo "== resolvers"
sed -n 's/^nameserver[[:space:]]*\([^[:space:]]*\).*/\1/p' /etc/resolv.conf
echo "== capabilities"
grep '^CapBnd' /proc/self/status
echo "== ipv6"
cat /proc/sys/net/ipv6/conf/all/disable_ipv6 2>/dev/null
