# Opens connections, all at once, and says how each ended; or listens. See attempts.py of this package.
use strict;
use warnings;
use Errno;
use IO::Handle;
use IO::Select;
use Socket qw(:DEFAULT :addrinfo IPPROTO_IPV6 IPV6_V6ONLY);

my @errors = qw(ECONNREFUSED EHOSTUNREACH ENETUNREACH EPERM EACCES ETIMEDOUT ECONNRESET EADDRNOTAVAIL EAFNOSUPPORT);
sub wrong { my ($name) = grep { $!{$_} } @errors; return $name || "E$!" =~ s/\W/-/gr }

sub ask {
    my ($id, $kind, $seconds, $payload, $one) = @_;
    my (undef, $address) = getnameinfo($one->{addr}, NI_NUMERICHOST | NI_NUMERICSERV);
    my $say = sub { syswrite STDOUT, "$id $address $_[0] $_[1]\n"; return $_[0] eq 'ok' && ($_[1] ne '-' || !length $payload) };
    socket(my $s, $one->{family}, $one->{socktype}, 0) or return $say->(wrong(), '-');
    $s->blocking(0);
    my $ready = IO::Select->new($s);
    if (!connect($s, $one->{addr})) {
        return $say->(wrong(), '-') unless $!{EINPROGRESS};
        $ready->can_write($seconds) or return $say->('timeout', '-');
        if ($! = unpack 'i', getsockopt($s, SOL_SOCKET, SO_ERROR)) { return $say->(wrong(), '-') }
    }
    return $say->('ok', '-') unless length $payload;
    local $SIG{PIPE} = 'IGNORE';
    if (!defined syswrite $s, $payload) { return $say->(wrong(), '-') }
    $ready->can_read($seconds) or return $say->($kind eq 'tcp' ? 'ok' : 'timeout', '-');
    my $got = sysread $s, my $data, 600;
    return $say->(wrong(), '-') if !defined $got && $kind eq 'udp';
    $say->('ok', $got ? unpack('H*', $data) : '-');
}

sub serve {
    my ($address, @ports) = @_;
    my ($all, %udp) = (IO::Select->new);
    for my $port (@ports) {
        my ($failed, $where) = getaddrinfo($address, $port, { flags => AI_PASSIVE, socktype => SOCK_STREAM });
        die "$address: $failed" if $failed;
        socket(my $tcp, $where->{family}, SOCK_STREAM, 0) && socket(my $udp, $where->{family}, SOCK_DGRAM, 0) or die "socket: $!";
        if ($where->{family} == AF_INET6) { setsockopt $_, IPPROTO_IPV6, IPV6_V6ONLY, 0 for $tcp, $udp }
        bind($tcp, $where->{addr}) && listen($tcp, 64) or die "bind: $!";
        bind($udp, getsockname $tcp) or die "bind: $!";
        $all->add($tcp, $udp);
        $udp{$udp} = 1;
        my (undef, undef, $taken) = getnameinfo(getsockname($tcp), NI_NUMERICHOST | NI_NUMERICSERV);
        syswrite STDOUT, "ready $taken\n";
    }
    while (1) {
        for my $one ($all->can_read) {
            if ($udp{$one}) { my $from = recv $one, my $data, 4096, 0; send $one, $data, 0, $from if $from }
            else { accept(my $c, $one) or next; syswrite $c, "nestproof\n"; close $c }
        }
    }
}

my ($what, @rest) = @ARGV;
serve(@rest) if $what eq 'listen';
sub child { my $pid = fork; die "no process: $!" unless defined $pid; return $pid }
for my $line (split /\n/, $rest[0]) {
    next if child();
    my ($id, $kind, $family, $host, $port, $seconds, $pad, $hex) = split / /, $line;
    my $payload = $hex eq '-' ? '' : pack 'H*', $hex;
    $payload .= "\0" x ($pad - length $payload) if $pad > length $payload;
    # Names that nobody answers for end it without a word.
    alarm 1 + $seconds;
    my %hints = (socktype => $kind eq 'udp' ? SOCK_DGRAM : SOCK_STREAM);
    $hints{family} = $family == 4 ? AF_INET : AF_INET6 if $family;
    my ($failed, @found) = getaddrinfo($host, $port, \%hints);
    alarm 0;
    my %asking;
    for my $one ($failed ? () : @found) {
        if (my $pid = child()) { $asking{$pid} = 1; next }
        if ($kind eq 'name') { my (undef, $a) = getnameinfo($one->{addr}, NI_NUMERICHOST | NI_NUMERICSERV); syswrite STDOUT, "$id $a ok -\n"; exit }
        exit !ask($id, $kind, $seconds, $payload, $one);
    }
    # One address that answers is enough.
    while ((my $ended = wait) != -1) {
        delete $asking{$ended};
        kill 'KILL', keys %asking if !$? && $kind ne 'name';
    }
    exit;
}
1 while wait != -1;
syswrite STDOUT, "done\n";
