#!/usr/bin/env bash
# What `docker` does with one runtime. Called by tests/engines/docker, with
# R        the runtime's name,
# W        a folder for scratch,
# RESULTS  where a line a check goes: name, ok or FAIL, what came,
# REDUCED  not empty: without networks; cgroup v2 and AppArmor instead,
# ONLY     a regular expression of names, or empty for all.
set -u
mkdir -p "$W" && : >"$RESULTS"

d() { timeout -k 1 ${REDUCED:+1}60 docker "$@"; }
run() { timeout -k 1 ${REDUCED:+1}60 docker run --runtime="$R" ${REDUCED:+--network none} "$@"; }
in_shell() { bash -c "$1"; }
# A terminal around a shell's command; `timeout` stands outside, since what it runs is not in the foreground.
in_terminal() { timeout -k 1 60 script -qec "$1" /dev/null; }
export R W REDUCED
export -f d run in_shell in_terminal

# check NAME REGEX COMMAND...: what COMMAND prints on both streams, then its status as rc=N, must match.
# It has three minutes, and whoever still holds its output then is not waited for.
check() {
    local name=$1 wanted=$2 out verdict=FAIL
    shift 2
    [[ -z $ONLY || $name =~ $ONLY ]] || return 0
    # shellcheck disable=SC2016
    timeout -k 1 180 bash -c '"$@"' bash "$@" >"$W/printed" 2>&1 </dev/null
    out="rc=$?"
    out="$(tr -d '\0' <"$W/printed") $out"
    out=${out//$'\r'/}
    [[ ! $out =~ $wanted ]] || verdict=ok
    [[ -z ${VERBOSE-} ]] || echo "$verdict $name ${SECONDS}s" >&2
    printf '%s\t%s\t%s\n' "$name" "$verdict" "$(printf %s "$out" | tr '\n\t' '| ' | tail -c 300)" >>"$RESULTS"
}

# The words of cgroup files under v1 or v2, whichever there is.
either() { printf 'cat %s 2>/dev/null || cat %s' "/sys/fs/cgroup/$1" "/sys/fs/cgroup/$2"; }

echo data >"$W/f"

if [[ -n $REDUCED ]]; then
    # ---- the core, on a pure cgroup v2 with AppArmor -----------------------------------------------------
    files='cd /sys/fs/cgroup; cat memory.max cpu.max pids.max /proc/self/attr/current /proc/self/cgroup | tr "\n" " "'
    limits='67108864 50000 100000 50 docker-default \(enforce\) 0::/'
    check limits-and-profile "^$limits" run --rm -m 64m --cpus .5 --pids-limit 50 bb sh -c "$files"
    check exit-status 'rc=42$' run --rm bb sh -c 'exit 42'
    check no-such-command 'rc=127$' run --rm bb nosuch
    check stdin '^hello rc=0' in_shell 'echo hello | run -i --rm bb cat'
    check memory-oom 'rc=137' run --rm -m 16m --memory-swap 16m bb tail /dev/zero
    check device-denied 'not permitted' run --rm --cap-add mknod bb sh -c 'mknod /n b 7 0 && cat /n'
    check cgroup-read-only 'Read-only' run --rm bb mkdir /sys/fs/cgroup/x
    check apparmor-refuses 'denied' run --rm --cap-add sys_admin --security-opt seccomp=unconfined bb mount -t tmpfs t /tmp
    check apparmor-unconfined '^unconfined' run --rm --security-opt apparmor=unconfined bb cat /proc/self/attr/current
    check apparmor-unknown 'rc=12[5-8]' run --rm --security-opt apparmor=nonesuch bb true
    life=life-$R
    run -d --name "$life" bb sh -c 'trap "exit 3" TERM; while :; do sleep .2; done' >/dev/null 2>&1
    check exec-profile 'docker-default \(enforce\)' d exec "$life" cat /proc/self/attr/current
    check update '^100663296 rc=0' in_shell "d update -m 96m --memory-swap 96m $life >/dev/null; d exec $life cat /sys/fs/cgroup/memory.max"
    check pause 'true' in_shell "d pause $life >/dev/null && d inspect -f '{{.State.Paused}}' $life; d unpause $life"
    check stop '^3 rc=0' in_shell "d stop -t 20 $life >/dev/null; d inspect -f '{{.State.ExitCode}}' $life"
    rm -rf "$W"
    exit
fi

# ---- the program: statuses, streams, terminal ------------------------------------------------------------
check run 'rc=0$' run --rm bb true
check exit-status 'rc=42$' run --rm bb sh -c 'exit 42'
check no-such-command 'rc=127$' run --rm bb nosuch
check no-such-path 'rc=127$' run --rm bb /no/such
check not-executable 'rc=126$' run --rm bb /etc/passwd
check is-a-directory 'rc=126$' run --rm bb /etc
check killed-by-signal 'rc=137$' run --rm bb sh -c 'sh -c "kill -9 \$\$"; exit $?'
check stdin '^hello rc=0' in_shell 'echo hello | run -i --rm bb cat'
check stdin-large '^1000000 rc=0' in_shell 'head -c 1000000 /dev/zero | run -i --rm bb wc -c'
check stdout-stderr-apart '^e rc=0' in_shell 'run --rm bb sh -c "echo o; echo e >&2" 2>&1 >/dev/null'
check stdout-large '^1000000 rc=0' in_shell 'run --rm bb head -c 1000000 /dev/zero | wc -c'
check dev-stdout '^x rc=0' run --rm -u 1000 bb sh -c 'echo x >/dev/stdout'
check tty '/dev/(pts/0|console).*rc=0' in_terminal "docker run --runtime=$R -it --rm bb tty"
check tty-size '33 77 rc=0' in_terminal "stty rows 33 cols 77; docker run --runtime=$R -it --rm bb sh -c 'sleep 1; stty size'"
check tty-without-stdin '/dev/(pts/0|console)' run --rm -t bb tty
check entrypoint 'xx rc=0' run --rm --entrypoint /bin/echo bb xx

# ---- the process -----------------------------------------------------------------------------------------
check user 'uid=1000\(u\) gid=1000\(u\) groups=.*2000' run --rm -u u --group-add 2000 bb id
check user-numeric 'uid=4242 gid=4343 rc=0' run --rm -u 4242:4343 bb sh -c 'echo uid=$(id -u) gid=$(id -g)'
check home '^/home/u rc=0' run --rm -u u bb sh -c 'echo $HOME'
check workdir '^/made rc=0' run --rm -w /made bb pwd
check env 'A=b' run --rm -e A=b bb env
check hostname '^hh rc=0' run --rm -h hh bb hostname
check domainname 'dd' run --rm --domainname dd bb cat /proc/sys/kernel/domainname
check oom-score-adj '^500 rc=0' run --rm --oom-score-adj 500 bb cat /proc/self/oom_score_adj
check oom-score-adj-negative '^-500 rc=0' run --rm --oom-score-adj -500 bb cat /proc/self/oom_score_adj
check ulimit '^512 rc=0' run --rm --ulimit nofile=512:512 bb sh -c 'ulimit -n'
check ulimit-raise '^2097152 rc=0' run --rm --ulimit nofile=2097152:2097152 bb sh -c 'ulimit -n'
check ulimit-core '^0 rc=0' run --rm --ulimit core=0 bb sh -c 'ulimit -c'
check init '(docker-init|tini)' run --rm --init bb sh -c 'cat /proc/1/comm'
check init-reaps 'rc=7$' run --rm --init bb sh -c 'exit 7'
check leftover-children 'rc=0' in_shell 'run --rm bb sh -c "sleep 300 & exit 0"'

# ---- resources -------------------------------------------------------------------------------------------
check memory-limit '^67108864 rc=0' run --rm -m 64m bb sh -c "$(either memory.max memory/memory.limit_in_bytes)"
check memory-oom 'rc=137' run --rm -m 16m --memory-swap 16m bb sh -c 'tail /dev/zero'
check memory-swap '(134217728|67108864) rc=0' run --rm -m 64m --memory-swap 128m bb sh -c "$(either memory.swap.max memory/memory.memsw.limit_in_bytes)"
check memory-reservation '^33554432 rc=0' run --rm -m 64m --memory-reservation 32m bb sh -c "$(either memory.low memory/memory.soft_limit_in_bytes)"
check oom-reported 'true' in_shell 'c=$(run -d -m 16m --memory-swap 16m bb tail /dev/zero); d wait $c >/dev/null; d inspect -f "{{.State.OOMKilled}}" $c; d rm -f $c >/dev/null'
check cpus '^50000' run --rm --cpus .5 bb sh -c "$(either cpu.max cpu/cpu.cfs_quota_us)"
check cpu-shares '^(512|20|59) rc=0' run --rm -c 512 bb sh -c "$(either cpu.weight cpu/cpu.shares)"
check pids-limit '^20 rc=0' run --rm --pids-limit 20 bb sh -c "$(either pids.max pids/pids.max)"
check device-denied 'not permitted' run --rm --cap-add mknod bb sh -c 'mknod /n b 7 0 && cat /n'
check device-rule 'rc=0' run --rm --device-cgroup-rule 'c 1:1 rmw' bb sh -c 'mknod /n c 1 5 && head -c 1 /n >/dev/null'

# ---- the root file system --------------------------------------------------------------------------------
check read-only 'Read-only file system' run --rm --read-only bb touch /x
check read-only-tmpfs 'rc=0' run --rm --read-only --tmpfs /t bb touch /t/x
check tmpfs 'size=1024k.* rc=0' run --rm --tmpfs /t:size=1m,noexec bb sh -c 'grep " /t " /proc/mounts'
check tmpfs-mount 'size=2048k' run --rm --mount type=tmpfs,dst=/t,tmpfs-size=2m bb sh -c 'grep " /t " /proc/mounts'
check shm-size 'size=8192k' run --rm --shm-size 8m bb grep /dev/shm /proc/mounts
check bind 'data rc=0' run --rm -v "$W:/m" bb cat /m/f
check bind-ro 'Read-only' run --rm -v "$W:/m:ro" bb touch /m/x
check bind-file 'data' run --rm -v "$W/f:/etc/ff" bb cat /etc/ff
check bind-file-over-file 'data' run --rm -v "$W/f:/etc/passwd:ro" bb cat /etc/passwd
check bind-nested 'data rc=0' run --rm -v "$W:/m" -v "$W/f:/m/g:ro" bb cat /m/g
check bind-rslave 'master:' run --rm -v /:/m:rslave,ro bb sh -c 'grep " /m " /proc/self/mountinfo'
check bind-rshared 'shared:' run --rm -v /:/m:rshared bb sh -c 'grep " /m " /proc/self/mountinfo'
check bind-mount-syntax 'data rc=0' run --rm --mount "type=bind,src=$W,dst=/m,readonly" bb cat /m/f
check bind-missing 'rc=125' run --rm --mount "type=bind,src=$W/missing,dst=/m" bb true
check volume 'rc=0' run --rm -v "vol$$:/v" bb touch /v/x
check volume-kept 'x rc=0' run --rm -v "vol$$:/v:ro" bb ls /v
check volume-anonymous 'rc=0' run --rm -v /v bb touch /v/x
check volume-copies-up 'passwd' run --rm -v /etc bb ls /etc
check volumes-from 'rc=0' in_shell 'c=$(run -d -v /v bb sleep 60); run --rm --volumes-from $c bb touch /v/x; r=$?; d rm -fv $c >/dev/null; exit $r'
check system-bind 'rc=0' run --rm --mount "type=bind,src=/sys,dst=/m,ro" bb true
check device 'crw' run --rm --device /dev/null:/dev/ff:rw bb ls -l /dev/ff

# ---- namespaces ------------------------------------------------------------------------------------------
check pid-host 'rc=0' run --rm --pid host bb sh -c '[ "$(cat /proc/1/comm)" != sh ]'
check pid-container 'sleep' in_shell 'c=$(run -d bb sleep 61); run --rm --pid container:$c bb ps; d rm -f $c >/dev/null'
check ipc-host 'rc=0' run --rm --ipc host bb true
check ipc-private 'rc=0' run --rm --ipc private bb true
check ipc-share 'rc=0' in_shell 'c=$(run -d --ipc shareable bb sleep 60); run --rm --ipc container:$c bb true; r=$?; d rm -f $c >/dev/null; exit $r'
check uts-host "^$(hostname) rc=0" run --rm --uts host bb hostname
check cgroupns-private '0::/ ?' run --rm --cgroupns private bb cat /proc/self/cgroup
check cgroupns-host 'docker' run --rm --cgroupns host bb cat /proc/self/cgroup
check cgroup-parent 'zparent' run --rm --cgroupns host --cgroup-parent /zparent bb cat /proc/self/cgroup
check sysctl '^1234 rc=0' run --rm --sysctl net.core.somaxconn=1234 bb cat /proc/sys/net/core/somaxconn
check sysctl-refused 'rc=12[5-8]' run --rm --sysctl kernel.panic=1 bb true

# ---- confinement -----------------------------------------------------------------------------------------
check privileged 'rc=0' run --rm --privileged bb sh -c 'mount -t tmpfs t /tmp && ls /dev/kmsg'
check caps-default '00000000a80425fb' run --rm bb grep CapEff /proc/self/status
check cap-drop '0000000000000000' run --rm --cap-drop all bb grep CapEff /proc/self/status
check cap-add '0000000000001000' run --rm --cap-drop all --cap-add net_admin bb grep CapEff /proc/self/status
check caps-of-a-user '0000000000000000' run --rm -u 1000 bb grep CapEff /proc/self/status
check no-new-privileges 'NoNewPrivs:.1' run --rm --security-opt no-new-privileges bb grep NoNewPrivs /proc/self/status
check seccomp-default 'Seccomp:.2' run --rm bb grep Seccomp: /proc/self/status
check seccomp-default-refuses 'not permitted' run --rm --cap-add sys_admin --security-opt no-new-privileges bb sh -c 'reboot -f'
check seccomp-unconfined 'Seccomp:.0' run --rm --security-opt seccomp=unconfined bb grep Seccomp: /proc/self/status
echo '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":38}]}' >"$W/s.json"
check seccomp-profile 'Function not implemented' run --rm --security-opt "seccomp=$W/s.json" bb mkdir /q
check systempaths-unconfined 'rc=0' run --rm --security-opt systempaths=unconfined bb sh -c '! grep -q " /proc/sys " /proc/mounts'
check masked-readonly-paths 'rc=0' run --rm bb sh -c 'grep -q " /proc/sys .*ro," /proc/mounts && grep -q " /proc/keys " /proc/mounts'

# ---- a container's life ----------------------------------------------------------------------------------
life=life-$R-$$
run -d --name "$life" -m 128m bb sh -c 'trap "echo got term; exit 3" TERM; trap "echo got usr1" USR1; echo started; while :; do sleep .2; done' >/dev/null 2>&1
sleep 1
check logs 'started' d logs "$life"
check exec '^in rc=7' d exec "$life" sh -c 'echo in; exit 7'
check exec-user 'uid=1000.*/tmp 1 +rc=0' in_shell "d exec -u 1000 -w /tmp -e Q=1 $life sh -c 'id; pwd; echo \$Q' | tr '\n' ' '"
check exec-stdin '^typed rc=0' in_shell "echo typed | d exec -i $life cat"
check exec-tty '/dev/pts' in_terminal "docker exec -it $life tty"
check exec-tty-size '21 65' in_terminal "stty rows 21 cols 65; docker exec -it $life sh -c 'sleep .5; stty size'"
check exec-privileged '0001ff' d exec --privileged "$life" grep CapEff /proc/self/status
check exec-no-command 'rc=12[67]' d exec "$life" nosuch
check exec-not-executable 'rc=126' d exec "$life" /etc/passwd
check exec-detached 'rc=0' d exec -d "$life" sleep 5
check top 'sleep' d top "$life"
check stats 'iB / 128MiB' d stats --no-stream "$life"
check update-memory '^100663296 rc=0' in_shell "d update -m 96m --memory-swap 96m --cpus .7 --pids-limit 30 $life >/dev/null; d exec $life sh -c '$(either memory.max memory/memory.limit_in_bytes)'"
check update-pids '^30 rc=0' d exec "$life" sh -c "$(either pids.max pids/pids.max)"
check pause 'true' in_shell "d pause $life >/dev/null && d inspect -f '{{.State.Paused}}' $life"
check exec-while-paused 'paused' d exec "$life" true
check unpause 'false' in_shell "d unpause $life >/dev/null && d inspect -f '{{.State.Paused}}' $life"
check kill-signal 'got usr1' in_shell "d kill -s USR1 $life >/dev/null; sleep 1; d logs $life"
check cp 'rc=0' d cp "$W/f" "$life:/tmp/f"
check cp-out 'data' in_shell "d cp $life:/tmp/f - | tar -xO"
check rename 'rc=0' d rename "$life" "$life-renamed"
life=$life-renamed
check restart 'started.*started' in_shell "d restart -t 3 $life >/dev/null; sleep 1; d logs $life | tr '\n' ' '"
check stop '^3 rc=0' in_shell "d stop -t 5 $life >/dev/null; d inspect -f '{{.State.ExitCode}}' $life"
check start 'true' in_shell "d start $life >/dev/null; d inspect -f '{{.State.Running}}' $life"
check kill '^137 rc=0' in_shell "d kill $life >/dev/null; d wait $life"
check rm 'rc=0' d rm "$life"
d rm -f "$life" >/dev/null 2>&1
check stop-kills-after-grace '137 rc=0' in_shell 'c=$(run -d bb sleep 600); d stop -t 1 $c >/dev/null; d inspect -f "{{.State.ExitCode}}" $c; d rm $c >/dev/null'
check rm-force 'rc=0' in_shell 'c=$(run -d bb sleep 600); d rm -f $c >/dev/null'
check create-then-rm 'rc=0' in_shell 'c=$(d create --runtime=$R bb sleep 600); d rm $c >/dev/null'
check create-then-start '^5 rc=0' in_shell 'c=$(d create --runtime=$R bb sh -c "exit 5"); d start $c >/dev/null; d wait $c; d rm $c >/dev/null'
check restart-policy '^2 rc=0' in_shell 'c=$(run -d --restart on-failure:2 bb false); sleep 4; d inspect -f "{{.RestartCount}}" $c; d rm -f $c >/dev/null'
check healthcheck '^healthy' in_shell 'c=$(run -d --health-cmd "test -e /bin/sh" --health-interval 1s bb sleep 60); sleep 3; d inspect -f "{{.State.Health.Status}}" $c; d rm -f $c >/dev/null'
check healthcheck-unhealthy '^unhealthy' in_shell 'c=$(run -d --health-cmd false --health-interval 1s --health-retries 1 bb sleep 60); sleep 3; d inspect -f "{{.State.Health.Status}}" $c; d rm -f $c >/dev/null'
check attach 'tick' in_shell 'c=$(run -d bb sh -c "while :; do echo tick; sleep .3; done"); timeout -k 1 2 docker attach --sig-proxy=false $c; d rm -f $c >/dev/null'
check parallel '^8 rc=0' in_shell 'for i in 1 2 3 4 5 6 7 8; do run --rm bb echo x & done | grep -c x'

# ---- images ----------------------------------------------------------------------------------------------
mkdir "$W/b"
printf 'FROM bb\nRUN echo built >/out && id\nRUN ["/bin/cat","/out"]\nCMD ["cat","/out"]\n' >"$W/b/Dockerfile"
build() { DOCKER_BUILDKIT=0 timeout -k 1 120 docker build --no-cache "$@" "$W/b"; }
export -f build
check build 'Successfully built' build -t "built-$R"
check build-used-the-runtime "^$R rc=0" in_shell 'build --rm=false >/dev/null 2>&1; c=$(d ps -aq --filter status=exited | head -n 1); d inspect -f "{{.HostConfig.Runtime}}" $c | sed "s/^$/default/"; d container prune -f >/dev/null'
check build-run-it '^built rc=0' run --rm "built-$R"
check commit '^kept rc=0' in_shell 'c=$(run -d bb sh -c "echo kept >/k"); d wait $c >/dev/null; d commit $c com-$R >/dev/null; run --rm com-$R cat /k; d rm $c >/dev/null'

# ---- networks, and what only v1 or a real machine has ------------------------------------------------
check network-none '^1 rc=0' run --rm --network none bb sh -c 'ls /sys/class/net | wc -l'
check network-host 'rc=0' run --rm --network host bb ls /sys/class/net
check network-bridge 'eth0' run --rm bb ls /sys/class/net
check network-own 'eth0' in_shell 'd network create n$R >/dev/null; run --rm --network n$R bb ls /sys/class/net; d network rm n$R >/dev/null'
check network-names 'answered' in_shell 'd network create m$R >/dev/null; c=$(run -d --network m$R --name peer$R bb sh -c "mkdir /w; echo answered >/w/index.html; httpd -f -p 80 -h /w"); sleep 1; run --rm --network m$R bb wget -qO- http://peer$R/; d rm -f $c >/dev/null; d network rm m$R >/dev/null'
check network-container 'eth0' in_shell 'c=$(run -d bb sleep 60); run --rm --network container:$c bb ls /sys/class/net; d rm -f $c >/dev/null'
check network-two-containers 'answered' in_shell 'c=$(run -d bb sh -c "mkdir /w; echo answered >/w/index.html; httpd -f -p 80 -h /w"); sleep 1; a=$(d inspect -f "{{.NetworkSettings.IPAddress}}" $c); run --rm bb wget -qO- http://$a/; d rm -f $c >/dev/null'
check dns-hosts 'zz' run --rm --add-host zz:1.2.3.4 bb cat /etc/hosts
check publish-port 'served' in_shell 'c=$(run -d -p 127.0.0.1:0:8000 bb sh -c "mkdir /w; echo served >/w/index.html; httpd -f -p 8000 -h /w"); sleep 1; p=$(d port $c 8000 | sed "s/.*://"); timeout 5 bash -c "exec 3<>/dev/tcp/127.0.0.1/$p; printf \"GET / HTTP/1.0\r\n\r\n\" >&3; cat <&3"; d rm -f $c >/dev/null'
check cpuset '^1 rc=0' run --rm --cpuset-cpus 1 bb sh -c "$(either cpuset.cpus cpuset/cpuset.cpus)"
check oom-kill-disable 'oom_kill_disable 1' run --rm -m 64m --oom-kill-disable bb cat /sys/fs/cgroup/memory/memory.oom_control
check blkio-throttle '1048576' run --rm --device-read-bps "$(findmnt -no SOURCE / | sed 's/\[.*//')":1mb bb sh -c "$(either io.max blkio/blkio.throttle.read_bps_device)"
check blkio-weight '300' run --rm --blkio-weight 300 bb sh -c 'cat /sys/fs/cgroup/blkio/blkio.weight /sys/fs/cgroup/blkio/blkio.bfq.weight /sys/fs/cgroup/io.bfq.weight'
check cpu-rt '95000' run --rm --cpu-rt-runtime 95000 --ulimit rtprio=99 bb cat /sys/fs/cgroup/cpu/cpu.rt_runtime_us
d volume rm "vol$$" >/dev/null 2>&1
rm -rf "$W"
