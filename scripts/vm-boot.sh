# shellcheck shell=bash
# Sourced by scripts/vm: what a guest is made of, and its boot. Everything here runs in the guest's folder,
# which holds disk.img, tls and port; and run, which is there only while the guest runs.

boot_seconds=300
qemu=''

engine_answers() {
    [ "$(curl --silent --noproxy '*' --max-time 5 --cacert tls/ca.pem --cert tls/cert.pem --key tls/key.pem \
        "https://127.0.0.1:$(cat port)/_ping")" = OK ]
}

# make_keys: a certificate authority signs one key for the engine and one for its client, and is forgotten.
make_keys() {
    local work=tls.making name
    ! openssl x509 -checkend 2592000 -noout -in tls/cert.pem >/dev/null 2>&1 || return 0
    rm -rf tls $work
    mkdir $work
    (
        cd $work
        new_key() {
            openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$1" "${@:2}" 2>/dev/null
        }
        new_key ca-key.pem -x509 -days 825 -subj '/CN=nestproof guest authority' -out ca.pem \
            -addext basicConstraints=critical,CA:TRUE,pathlen:0 -addext keyUsage=critical,keyCertSign
        new_key server-key.pem -subj '/CN=nestproof guest' -out server.csr
        new_key key.pem -subj '/CN=nestproof client' -out client.csr
        printf 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n' >server.ext
        printf 'extendedKeyUsage=clientAuth\n' >client.ext
        for name in server client; do
            openssl x509 -req -days 825 -in $name.csr -CA ca.pem -CAkey ca-key.pem -CAcreateserial \
                -extfile $name.ext -out $name-cert.pem 2>/dev/null
        done
        mv client-cert.pem cert.pem
        rm -f ca-key.pem ./*.csr ./*.ext ./*.srl
    )
    mv $work tls
}

# make_disk GIB: sparse, so that it takes only what Docker stores.
make_disk() {
    local size=$(($1 * 1024 * 1024 * 1024))
    if [ ! -e disk.img ]; then
        rm -f disk.making
        truncate -s "$size" disk.making
        mke2fs -q -t ext4 -m 0 disk.making
        mv disk.making disk.img
    elif [ "$size" -gt "$(stat -c %s disk.img)" ]; then
        truncate -s "$size" disk.img
    fi
}

# make_initrd IMAGE: the image's own, with PID 1 and the engine's keys in front, which thus are on no disk
# of the guest.
make_initrd() {
    local more=run/initrd.d
    mkdir -p $more/tls
    cp "$here/vm-init" $more/init
    chmod 755 $more/init
    cp tls/ca.pem tls/server-cert.pem tls/server-key.pem $more/tls/
    (cd $more && find . | cpio --quiet --create --format=newc --owner=+0:+0) >run/initrd
    cat "$1/initrd" >>run/initrd
    rm -r $more
}

# The port of the last time if it is free, so that an address once noted stays right.
choose_port() {
    local port
    port=$(cat port 2>/dev/null) || port=''
    while [ -z "$port" ] || (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
        port=$((20000 + RANDOM % 10000))
    done
    echo "$port" >port
}

# start_qemu ARCHITECTURE ACCELERATOR MEMORY IMAGE; $qemu becomes its process.
start_qemu() {
    local program=qemu-system-x86_64 machine=q35 cpu=max console=ttyS0 accelerator=kvm image=../images/${4##*/}
    if [ "$1" = arm64 ]; then program=qemu-system-aarch64 machine=virt cpu=cortex-a72 console=ttyAMA0; fi
    # As many threads as the two memory models allow is qemu's own default; its buffer would be 1 GiB.
    if [ "$2" = tcg ]; then accelerator=tcg,tb-size=256; else cpu=host; fi
    [ "$1/$2" != arm64/kvm ] || machine=virt,gic-version=host
    make_initrd "$4"
    choose_port
    # Paths relative to the guest's folder: a socket's must be short, and qemu reads commas in the others.
    # In a session of its own, which Ctrl-C does not reach; without the lock.
    setsid "$program" -name "nestproof-$1" -machine "$machine" -cpu "$cpu" -accel "$accelerator" -smp 2 -m "$3" \
        -nodefaults -no-user-config -display none -no-reboot -pidfile run/pid \
        -sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny \
        -kernel "$image/kernel" -initrd run/initrd \
        -append "console=$console panic=-1 loglevel=4 nestproof.now=$(date +%s)" \
        -chardev socket,id=console,path=run/console,server=on,wait=off,logfile=run/serial.log -serial chardev:console \
        -drive "if=none,id=root,format=raw,readonly=on,file=$image/root.img" \
        -device virtio-blk-pci,drive=root,serial=root \
        -drive if=none,id=data,format=raw,discard=unmap,file=disk.img -device virtio-blk-pci,drive=data,serial=data \
        -netdev "user,id=net,ipv6=off,hostfwd=tcp:127.0.0.1:$(cat port)-:2376" -device virtio-net-pci,netdev=net,romfile= \
        -device virtio-rng-pci >run/qemu.log 2>&1 </dev/null 8>&- &
    qemu=$!
    # Or bash would tell of its end in words of its own.
    disown "$qemu"
    printf '%s\n' "$2" >run/accelerator
    printf '%s\n' "$3" >run/memory
}

# ended PID SECONDS: waits so long for the process to end.
ended() {
    local waited=0
    while kill -0 "$1" 2>/dev/null; do
        [ "$waited" -lt $(($2 * 10)) ] || return 1
        sleep 0.1
        waited=$((waited + 1))
    done
}

# Only for a guest that did not boot: it gets no time to write anything.
kill_qemu() {
    [ -z "$qemu" ] || ! kill -9 "$qemu" 2>/dev/null || ended "$qemu" 5 || true
    qemu=''
}

# The last line of the guest's console, without its colours.
last_words() { tail -n 1 run/serial.log 2>/dev/null | sed 's/\x1b\[[0-9;]*m//g; s/\r//g'; }

# wait_for_engine ACCELERATOR: fails when the guest ended or took too long. A kernel says something within
# a second or two; one that is silent under KVM will stay so.
wait_for_engine() {
    local start=$SECONDS waited next=10
    until engine_answers; do
        waited=$((SECONDS - start))
        kill -0 "$qemu" 2>/dev/null && [ "$waited" -lt "$boot_seconds" ] || return 1
        [ "$1" != kvm ] || [ "$waited" -lt 20 ] || [ -s run/serial.log ] || return 1
        ! grep -q 'KVM internal error' run/qemu.log || return 1
        if [ "$waited" -ge "$next" ]; then
            say "waiting for its engine, $waited s; its console: $(last_words)"
            next=$((next + 10))
        fi
        sleep 0.5
    done
}

# try_boot ACCELERATOR ARCHITECTURE MEMORY IMAGE
try_boot() {
    rm -rf run
    mkdir run
    say "booting the guest with $1"
    start_qemu "$2" "$1" "$3" "$4"
    wait_for_engine "$1" && return
    kill_qemu
    return 1
}

# KVM may open and yet not run a guest. That it did not is remembered until this machine boots anew.
may_try_kvm() {
    [ "$1" = "$(dpkg --print-architecture)" ] && [ -r /dev/kvm ] && [ -w /dev/kvm ] &&
        ! grep -qxFf /proc/sys/kernel/random/boot_id no-kvm 2>/dev/null
}

# boot_guest ARCHITECTURE MEMORY IMAGE: until the engine answers; leaves nothing of a guest that did not boot.
boot_guest() {
    trap 'kill_qemu; rm -rf run' EXIT
    trap 'exit 130' INT TERM
    if ! may_try_kvm "$1"; then
        try_boot tcg "$@" || boot_failed
    elif ! try_boot kvm "$@"; then
        say "no guest boots with KVM on this machine: going on without"
        cat /proc/sys/kernel/random/boot_id >no-kvm
        try_boot tcg "$@" || boot_failed
    fi
    rm -f run/initrd
    trap - EXIT INT TERM
}

boot_failed() {
    tail -n 20 run/qemu.log run/serial.log >&2 || true
    die "the guest's engine does not answer" "read the last lines of qemu and of the guest's console above"
}
