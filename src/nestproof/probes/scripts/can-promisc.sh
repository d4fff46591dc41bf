# Can a network interface be configured?  (made to take all packets, and set back)
# shellcheck disable=SC2016 # perl expands its own variables
command -v perl >/dev/null || { echo "unavailable: the image has no perl to ask with"; exit 69; }
# SIOCGIFFLAGS, SIOCSIFFLAGS and IFF_PROMISC (linux/sockios.h, linux/if.h).
perl -MSocket -e '$| = 1; socket S, PF_INET, SOCK_DGRAM, 0 or die; $if = pack "Z16 s x22", "lo", 0;
    ioctl S, 0x8913, $if or die "reading: $!\n"; print "control: its flags can be read\n";
    ($name, $flags) = unpack "Z16 s", $if;
    for ($flags | 0x100, $flags) { $if = pack "Z16 s x22", "lo", $_; ioctl S, 0x8914, $if or die "setting: $!\n" }' || exit
echo "done"
