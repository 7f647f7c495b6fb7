# shellcheck shell=bash
# What the tests with engines share. All is kept beneath $work, which the caller sets.

# busybox_tar: prints the path of a tarball of a root file system of busybox, made once.
busybox_tar() {
    local root=$work/rootfs tar=$work/busybox.tar busybox applet
    if [[ ! -s $tar ]]; then
        busybox=$(command -v busybox)
        mkdir -p "$root"/{bin,sbin,etc,dev,proc,sys,tmp,root,home/u,usr/bin,var/tmp,run}
        chmod 1777 "$root/tmp" "$root/var/tmp"
        cp "$busybox" "$root/bin/busybox"
        for applet in $("$busybox" --list); do
            [[ $applet == busybox ]] || ln -sf busybox "$root/bin/$applet"
        done
        printf 'root:x:0:0:root:/root:/bin/sh\nu:x:1000:1000:u:/home/u:/bin/sh\n' >"$root/etc/passwd"
        printf 'root:x:0:\nu:x:1000:\nextra:x:2000:u\n' >"$root/etc/group"
        chown -R 1000:1000 "$root/home/u"
        tar -C "$root" -cf "$tar" .
        rm -rf "$root"
    fi
    printf '%s\n' "$tar"
}

# wait_for SECONDS COMMAND...: until COMMAND succeeds; no try of it takes longer than ten seconds.
wait_for() {
    local tries=$(($1 * 10))
    shift
    for ((; tries > 0; tries--)); do
        timeout -k 1 10 "$@" >/dev/null 2>&1 && return 0
        sleep .1
    done
    return 1
}

# stop_pid FILE: ends the process whose id is in FILE, and waits for it.
stop_pid() {
    local pid
    [[ -s $1 ]] || return 0
    pid=$(cat "$1")
    kill "$pid" 2>/dev/null || return 0
    wait_for 20 bash -c "! kill -0 $pid" || kill -9 "$pid" 2>/dev/null || true
}
