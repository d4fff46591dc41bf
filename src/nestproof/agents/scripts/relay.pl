# Carries what reaches the loopback address over standard input and output, in lines: see relay.py of this package.
use strict;
use warnings;
use Socket;
use IO::Handle;
use IO::Select;

STDOUT->autoflush(1);
$SIG{PIPE} = 'IGNORE';
defined sysread(STDIN, my $name, 4096) or die "no name: $!";
chomp $name;
my $home = sockaddr_in(0, INADDR_LOOPBACK);
my ($tcp, $udp, $unix, $data);
socket($tcp, PF_INET, SOCK_STREAM, 0) && bind($tcp, $home) && listen($tcp, 64) or die "tcp: $!";
socket($udp, PF_INET, SOCK_DGRAM, 0) && bind($udp, $home) or die "udp: $!";
socket($unix, PF_UNIX, SOCK_STREAM, 0) && bind($unix, pack_sockaddr_un("\0$name")) && listen($unix, 8)
    or die "unix: $!";
printf "ready %d %d unix\n", map { (sockaddr_in(getsockname $_))[0] } $tcp, $udp;

my $waiting = IO::Select->new(\*STDIN, $tcp, $udp, $unix);
my ($number, $input, %connection, %number) = (0, '');
sub end { my $n = shift; my $c = delete $connection{$n} or return; delete $number{$c}; $waiting->remove($c); close $c }
while (1) {
    for my $ready ($waiting->can_read) {
        if ($ready == $tcp) {
            accept(my $c, $tcp) or next;
            $connection{ ++$number } = $c;
            $number{$c} = $number;
            $waiting->add($c);
        } elsif ($ready == $unix) {
            accept(my $c, $unix) && print "unix\n";
        } elsif ($ready == $udp) {
            defined recv($udp, $data, 4096, 0) && print 'udp ', unpack('H*', $data), "\n";
        } elsif ($ready == \*STDIN) {
            sysread(STDIN, $input, 1 << 20, length $input) or exit;
            while ($input =~ s/^(\d+) ([0-9a-f]*)\n//) {
                (my $n, $data) = ($1, pack 'H*', $2);
                next unless $connection{$n};
                if ($data eq '') { end($n) } else { print { $connection{$n} } $data; $connection{$n}->flush }
            }
        } else {
            my $n = $number{$ready} or next;
            my $got = sysread $ready, $data, 65536;
            print "tcp $n ", $got ? unpack('H*', $data) : '', "\n";
            end($n) unless $got;
        }
    }
}
