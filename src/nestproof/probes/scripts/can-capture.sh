# Can packets of the container's network be captured?
command -v perl >/dev/null || { echo "unavailable: the image has no perl to open a socket with"; exit 69; }
perl -MSocket -e 'socket S, PF_INET, SOCK_DGRAM, 0 or die' && echo "control: a plain socket can be opened"
# AF_PACKET, SOCK_RAW, and all protocols in network order (linux/if_ether.h).
perl -e 'socket S, 17, 3, 0x300 or die "packet socket: $!\n"' && echo "done"
