# What a command can do where it runs: one line for each answer, with a word that only this session knows.
# Before it come variables: token, tcp, udp (ports), socket (an abstract name), victim (a process), at (the
# workspace), places (folders), secrets (files). It has no brace: Claude Code asks a person about some of them.
say() (printf '%s %s %s\n' "$token" "$1" "$2")
for name in mnt pid net user; do say "ns-$name" "$(readlink "/proc/self/ns/$name")"; done
while read -r key value; do
    case $key in NoNewPrivs: | Seccomp: | CapEff:) say "$key" "$value" ;; esac
done </proc/self/status
say user "$(id -u)"
for place in $places; do
    (: >"$place/.nestproof-$token") 2>/dev/null && say wrote "$place"
done
(: >"$at/.nestproof-$token") 2>/dev/null && say wrote-workspace "$at"
for file in .git/hooks .codex .claude .mcp.json .vscode .devcontainer; do
    if [ -e "$at/$file" ]; then [ -w "$at/$file" ] && say later "$file"; elif [ -w "$at" ]; then say later "$file"; fi
done
kill -KILL "$victim" 2>/dev/null && say killed "$victim"
[ "$(timeout 5 sudo -n id -u 2>/dev/null)" = 0 ] && say sudo root
for name in $secrets; do [ -r "$name" ] && say readable "$name"; done
path=/nestproof-reached/$token
if command -v perl >/dev/null; then
    open='use Socket; alarm 5; my ($t, $u, $n, $p, $w) = @ARGV;
socket(S, PF_UNIX, SOCK_STREAM, 0) && connect(S, pack_sockaddr_un("\0$n")) && print "$w unix $n\n";
socket(E, PF_UNIX, SOCK_STREAM, 0) && connect(E, pack_sockaddr_un("/var/run/docker.sock")) && print "$w engine reached\n";
socket(U, PF_INET, SOCK_DGRAM, 0) && send(U, $w, 0, sockaddr_in($u, INADDR_LOOPBACK)) && print "$w udp sent\n";
socket(T, PF_INET, SOCK_STREAM, 0) && connect(T, sockaddr_in($t, INADDR_LOOPBACK))
    && syswrite(T, "GET $p HTTP/1.0\r\n\r\n") && readline(T) && print "$w tcp reached\n"'
    perl -e "$open" "$tcp" "$udp" "$socket" "$path" "$token" 2>/dev/null
elif command -v bash >/dev/null; then
    timeout 3 bash -c "printf %s $token >/dev/udp/127.0.0.1/$udp" 2>/dev/null && say udp sent
    timeout 3 bash -c "exec 3<>/dev/tcp/127.0.0.1/$tcp && printf 'GET $path HTTP/1.0\r\n\r\n' >&3 && read -r line <&3" \
        2>/dev/null && say tcp reached
else
    say unable "neither perl nor bash is there to open a socket with"
fi
say end end
