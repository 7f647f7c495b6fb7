// The floor: the system calls that a config needs, and nothing else. No parsing, no state, no checks of paths, no
// protection against the container. No runtime can be faster; how much slower one is, is its own work.
//
//   floor [--phases] run  v1|v2 plain|docker CGROUP FILTER ROOTFS [HIERARCHY...]
//   floor [--phases] exec v1|v2 plain|docker CGROUP FILTER PID [HIERARCHY...]
//
// `run` makes a container and runs /bin/true in it; `exec` runs /bin/true in the one whose first process is PID. CGROUP is
// the name of the container's cgroup in each v1 HIERARCHY (a folder of /sys/fs/cgroup), or in the v2 one. FILTER is a
// file of struct sock_filter, as the runtime compiles it. `plain` and `docker` are the bench's two configs, see
// src/bundle.rs. --phases: the time of each phase to standard error, in nanoseconds.
//
// Whatever fails ends it with a sentence and status 1. What all runtimes do unasked (loopback up, a keyring, a session)
// is not done here. hack/floor builds it.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROOT "/sys/fs/cgroup/"
#define COUNT(list) (sizeof(list) / sizeof(*(list)))

// struct mount_attr, under a name that no header has.
struct attributes {
    uint64_t set, clear, propagation, user_namespace;
};

static struct {
    int v2, docker;
    const char *cgroup, *filter, *object;
    char **hierarchies;
} asked;

// ---- Phases ----

#define PHASES(X)                                                                                                      \
    X(cgroups) X(limits) X(devices) X(clone) X(join) X(root) X(mounts) X(cgroup_mount) X(binds) X(nodes) X(pivot)          \
        X(hostname) X(sysctls) X(readonly) X(masks) X(process) X(bounding) X(seccomp) X(capabilities) X(program) X(remove)
#define NAME(name) #name,
#define NUMBER(name) PHASE_##name,
static const char *const names[] = {PHASES(NAME)};
enum { PHASES(NUMBER) };

// Shared with the child; not there where nobody asked for times.
static struct { uint64_t last, took[COUNT(names)]; } *clockwork;

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000ull + time.tv_nsec;
}

// What was done since the last call was this phase.
static void lap(int phase) {
    if (!clockwork) return;
    uint64_t time = now();
    clockwork->took[phase] += time - clockwork->last;
    clockwork->last = time;
}

static long must(long result, const char *what, const char *object) {
    if (result < 0) {
        int number = errno;
        dprintf(2, "floor: %s %s: %s\n", what, object, strerror(number));
        _exit(1);
    }
    return result;
}

// ---- Files ----

static const char *join(const char *one, const char *two, const char *three) {
    static char path[4096];
    char *end = stpcpy(path, ROOT);
    end = stpcpy(end, one);
    if (two) end = stpcpy(stpcpy(end, "/"), two);
    if (three) stpcpy(stpcpy(end, "/"), three);
    return path;
}

// The path of a file of the container's cgroup, or of the cgroup itself.
static const char *of_cgroup(const char *hierarchy, const char *file) {
    return asked.v2 ? join(asked.cgroup, file, 0) : join(hierarchy, asked.cgroup, file);
}

// Not the C library's: musl's makes a second call.
static int open_at(const char *path, int flags) {
    return must(syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC), "open", path);
}

static void put(int file, const char *text, const char *path) {
    must(write(file, text, strlen(text)), "write", path);
}

static void put_into(const char *path, const char *text) {
    int file = open_at(path, O_WRONLY);
    put(file, text, path);
    close(file);
}

static void make(const char *folder) { must(mkdir(folder, 0755), "mkdir", folder); }

static size_t get(const char *path, void *to, size_t size) {
    int file = open_at(path, O_RDONLY);
    size_t got = must(read(file, to, size), "read", path);
    close(file);
    return got;
}

// ---- Cgroups ----

static void make_cgroups(void) {
    if (asked.v2) make(of_cgroup(0, 0));
    if (asked.v2) return;
    for (char **hierarchy = asked.hierarchies; *hierarchy; hierarchy++) make(of_cgroup(*hierarchy, 0));
    // A new cpuset is empty, and takes in nobody.
    const char *const files[] = {"cpuset.cpus", "cpuset.mems"};
    for (size_t i = 0; i < COUNT(files); i++) {
        char text[256] = {0};
        get(join("cpuset", files[i], 0), text, sizeof text - 1);
        put_into(of_cgroup("cpuset", files[i]), text);
    }
}

static void limit(void) {
    if (asked.v2 || !asked.docker) return;
    put_into(of_cgroup("pids", "pids.max"), "20");
    put_into(of_cgroup("memory", "memory.limit_in_bytes"), "67108864");
    put_into(of_cgroup("memory", "memory.memsw.limit_in_bytes"), "134217728");
    put_into(of_cgroup("cpu", "cpu.cfs_period_us"), "100000");
    put_into(of_cgroup("cpu", "cpu.cfs_quota_us"), "50000");
}

// The character devices that may be read and written: those that the specification says are there (config-linux.md,
// "Default Devices"), and the config's own. A minor number of -1 is any. Any device may be made.
static const int allowed[][2] = {{1, 3}, {1, 5}, {1, 7}, {1, 8}, {1, 9}, {5, 0}, {5, 2}, {136, -1}, {5, 1}};
static size_t allowed_count(void) { return COUNT(allowed) - !asked.docker; }

static void device_list(void) {
    put_into(of_cgroup("devices", "devices.deny"), "a");
    const char *path = of_cgroup("devices", "devices.allow");
    int file = open_at(path, O_WRONLY);
    put(file, "c *:* m", path);
    put(file, "b *:* m", path);
    for (size_t i = 0; i < allowed_count(); i++) {
        char rule[32];
        sprintf(rule, allowed[i][1] < 0 ? "c %d:* rwm" : "c %d:%d rwm", allowed[i][0], allowed[i][1]);
        put(file, rule, path);
    }
    close(file);
}

#define INSTRUCTION(op, to, from, jump, number)                                                                        \
    (struct bpf_insn) { .code = (op), .dst_reg = (to), .src_reg = (from), .off = (jump), .imm = (number) }
#define LOAD(to, field)                                                                                                \
    INSTRUCTION(BPF_LDX | BPF_MEM | BPF_W, to, BPF_REG_1, offsetof(struct bpf_cgroup_dev_ctx, field), 0)

// See "BPF_PROG_TYPE_CGROUP_DEVICE" in the kernel's documentation of cgroup-v2.
static void device_program(int cgroup) {
    struct bpf_insn program[16 + 2 * COUNT(allowed)], *end = program;
    const size_t rules = 2 * allowed_count();
    *end++ = LOAD(BPF_REG_2, access_type);
    *end++ = LOAD(BPF_REG_4, major);
    *end++ = LOAD(BPF_REG_5, minor);
    *end++ = INSTRUCTION(BPF_ALU | BPF_MOV | BPF_X, BPF_REG_3, BPF_REG_2, 0, 0);
    *end++ = INSTRUCTION(BPF_ALU | BPF_RSH | BPF_K, BPF_REG_2, 0, 0, 16);
    *end++ = INSTRUCTION(BPF_ALU | BPF_AND | BPF_K, BPF_REG_3, 0, 0, 0xffff);
    *end++ = INSTRUCTION(BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_2, 0, rules + 3, BPF_DEVCG_ACC_MKNOD);
    *end++ = INSTRUCTION(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_3, 0, rules, BPF_DEVCG_DEV_CHAR);
    for (size_t i = 0; i < allowed_count(); i++) {
        const int to_allow = rules - 2 * i;
        *end++ = INSTRUCTION(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_4, 0, 1, allowed[i][0]);
        if (allowed[i][1] < 0)
            *end++ = INSTRUCTION(BPF_JMP | BPF_JA, 0, 0, to_allow, 0);
        else
            *end++ = INSTRUCTION(BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_5, 0, to_allow, allowed[i][1]);
    }
    *end++ = INSTRUCTION(BPF_ALU | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0);
    *end++ = INSTRUCTION(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
    *end++ = INSTRUCTION(BPF_ALU | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 1);
    *end++ = INSTRUCTION(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
    union bpf_attr load = {.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE, .insn_cnt = end - program};
    load.insns = (uintptr_t)program;
    load.license = (uintptr_t) "GPL";
    int loaded = must(syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof load), "load", "device program");
    union bpf_attr attach = {.target_fd = cgroup, .attach_bpf_fd = loaded, .attach_type = BPF_CGROUP_DEVICE};
    attach.attach_flags = BPF_F_ALLOW_MULTI;
    must(syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof attach), "attach", "device program");
    close(loaded);
}

// On v2 clone3 does it.
static void join_cgroups(void) {
    for (char **hierarchy = asked.hierarchies; !asked.v2 && *hierarchy; hierarchy++)
        put_into(of_cgroup(*hierarchy, "tasks"), "0");
}

static void remove_cgroups(void) {
    if (asked.v2) must(rmdir(of_cgroup(0, 0)), "rmdir", asked.cgroup);
    for (char **hierarchy = asked.hierarchies; !asked.v2 && *hierarchy; hierarchy++)
        must(rmdir(of_cgroup(*hierarchy, 0)), "rmdir", of_cgroup(*hierarchy, 0));
}

// ---- The root file system ----

static void mount_at(const char *kind, const char *target, unsigned long flags, const char *options) {
    must(mount(kind, target, kind, flags, options), "mount", target);
}

static void set_read_only(const char *path, uint64_t more) {
    struct attributes attributes = {.set = MS_RDONLY | more};
    must(syscall(SYS_mount_setattr, AT_FDCWD, path, AT_RECURSIVE, &attributes, sizeof attributes), "mount_setattr", path);
}

static void new_root(void) {
    must(mount(0, "/", 0, MS_REC | MS_SLAVE, 0), "mount", "/");
    must(mount(asked.object, asked.object, 0, MS_BIND | MS_REC, 0), "bind", asked.object);
    must(chdir(asked.object), "chdir", asked.object);
}

static void mounts(void) {
    const unsigned long closed = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    mount_at("proc", "proc", asked.docker ? closed : 0, 0);
    mount_at("tmpfs", "dev", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k");
    make("dev/pts");
    mount_at("devpts", "dev/pts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5");
    mount_at("sysfs", "sys", closed | MS_RDONLY, 0);
    make("dev/mqueue");
    mount_at("mqueue", "dev/mqueue", closed, 0);
    make("dev/shm");
    mount_at("tmpfs", "dev/shm", closed, "mode=1777,size=65536k");
}

static void mount_cgroups(void) {
    const unsigned long closed = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    if (asked.v2) {
        mount_at("cgroup2", "sys/fs/cgroup", closed | MS_RDONLY, 0);
        return;
    }
    mount_at("tmpfs", "sys/fs/cgroup", closed, "mode=755");
    for (char **hierarchy = asked.hierarchies; *hierarchy; hierarchy++) {
        char target[64] = "sys/fs/cgroup/";
        strncat(target, *hierarchy, sizeof target - sizeof "sys/fs/cgroup/");
        make(target);
        must(mount(of_cgroup(*hierarchy, 0), target, 0, MS_BIND | MS_REC, 0), "bind", target);
    }
    // The mount_setattr(2) flags of these four are those of mount(2).
    set_read_only("sys/fs/cgroup", closed);
}

static void binds(void) {
    const char *const files[] = {"etc/resolv.conf", "etc/hostname", "etc/hosts"};
    for (size_t i = 0; asked.docker && i < COUNT(files); i++) {
        must(mount(files[i], files[i], 0, MS_BIND | MS_REC, 0), "bind", files[i]);
        must(mount(0, files[i], 0, MS_PRIVATE | MS_REC, 0), "private", files[i]);
    }
}

static void nodes(void) {
    static const struct {
        const char *path;
        int major, minor;
    } devices[] = {{"dev/null", 1, 3},   {"dev/zero", 1, 5},    {"dev/full", 1, 7},
                   {"dev/random", 1, 8}, {"dev/urandom", 1, 9}, {"dev/tty", 5, 0}};
    static const char *const links[][2] = {{"dev/ptmx", "pts/ptmx"},
                                           {"dev/fd", "/proc/self/fd"},
                                           {"dev/stdin", "/proc/self/fd/0"},
                                           {"dev/stdout", "/proc/self/fd/1"},
                                           {"dev/stderr", "/proc/self/fd/2"}};
    umask(0);
    for (size_t i = 0; i < COUNT(devices); i++) {
        dev_t number = makedev(devices[i].major, devices[i].minor);
        must(mknod(devices[i].path, S_IFCHR | 0666, number), "mknod", devices[i].path);
    }
    for (size_t i = 0; i < COUNT(links); i++) must(symlink(links[i][1], links[i][0]), "symlink", links[i][0]);
    umask(022);
}

static void pivot(void) {
    must(syscall(SYS_pivot_root, ".", "."), "pivot_root", asked.object);
    must(umount2(".", MNT_DETACH), "umount", "the old root");
    must(chdir("/"), "chdir", "/");
    if (!asked.docker) must(mount(0, "/", 0, MS_REMOUNT | MS_BIND | MS_RDONLY, 0), "remount", "/");
}

static void read_only(void) {
    const char *const paths[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
    for (size_t i = 0; i < COUNT(paths); i++) {
        if (mount(paths[i], paths[i], 0, MS_BIND | MS_REC, 0) < 0 && errno == ENOENT) continue;
        set_read_only(paths[i], 0);
    }
}

static void masks(void) {
    static const struct {
        const char *path;
        int folder;
    } masked[] = {{"/proc/asound", 1},      {"/proc/acpi", 1},       {"/proc/kcore", 0},       {"/proc/keys", 0},
                  {"/proc/latency_stats", 0}, {"/proc/timer_list", 0}, {"/proc/timer_stats", 0}, {"/proc/sched_debug", 0},
                  {"/proc/scsi", 1},        {"/sys/firmware", 1}};
    for (size_t i = 0; i < COUNT(masked); i++) {
        const char *path = masked[i].path;
        long done = masked[i].folder ? mount("tmpfs", path, "tmpfs", MS_RDONLY, "nr_blocks=1,nr_inodes=1")
                                     : mount("/dev/null", path, 0, MS_BIND, 0);
        if (errno != ENOENT) must(done, "mask", path);
        errno = 0;
    }
}

// ---- The process ----

static const uint64_t docker_capabilities = 0xa80425fb, plain_capabilities = 0x20000420;

static void drop_bounding(uint64_t keep) {
    for (int capability = 0; capability <= CAP_LAST_CAP; capability++)
        if (!(keep >> capability & 1) && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0 && errno != EINVAL)
            must(-1, "prctl", "PR_CAPBSET_DROP");
}

static struct sock_filter instructions[BPF_MAXINSNS];
static struct sock_fprog filter = {.filter = instructions};

// While the host's files are there.
static void read_filter(void) {
    if (asked.docker) filter.len = get(asked.filter, instructions, sizeof instructions) / sizeof *instructions;
    lap(PHASE_seccomp);
}

static void install_filter(void) {
    must(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &filter), "seccomp", asked.filter);
}

static void set_capabilities(uint64_t keep) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{.effective = keep, .permitted = keep},
                                             {.effective = keep >> 32, .permitted = keep >> 32}};
    must(syscall(SYS_capset, &header, data), "capset", "");
}

// Not the C library's: those are for programs with threads.
static void user(void) {
    const gid_t root = 0;
    must(syscall(SYS_setgroups, asked.docker ? 1 : 0, &root), "setgroups", "");
    must(syscall(SYS_setgid, 0), "setgid", "0");
    must(syscall(SYS_setuid, 0), "setuid", "0");
    if (asked.docker) return;
    const struct rlimit files = {1024, 1024};
    must(setrlimit(RLIMIT_NOFILE, &files), "setrlimit", "RLIMIT_NOFILE");
    must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl", "PR_SET_NO_NEW_PRIVS");
}

static void become_true(void) {
    const uint64_t keep = asked.docker ? docker_capabilities : plain_capabilities;
    user();
    lap(PHASE_process);
    drop_bounding(keep);
    lap(PHASE_bounding);
    if (asked.docker) install_filter();
    lap(PHASE_seccomp);
    set_capabilities(keep);
    lap(PHASE_capabilities);
    char *const arguments[] = {"true", 0};
    char *const environment[] = {"PATH=/bin:/sbin:/usr/bin", "HOSTNAME=floor", 0};
    must(execve("/bin/true", arguments, environment), "execve", "/bin/true");
}

// ---- The two commands ----

static void set_oom_score(void) {
    if (asked.docker) put_into("/proc/self/oom_score_adj", "0");
}

static void contain(void) {
    lap(PHASE_clone);
    join_cgroups();
    lap(PHASE_join);
    set_oom_score();
    lap(PHASE_process);
    new_root();
    lap(PHASE_root);
    mounts();
    lap(PHASE_mounts);
    mount_cgroups();
    lap(PHASE_cgroup_mount);
    binds();
    lap(PHASE_binds);
    nodes();
    lap(PHASE_nodes);
    pivot();
    lap(PHASE_pivot);
    must(sethostname("ce05e54a07a4", 12), "sethostname", "");
    lap(PHASE_hostname);
    if (asked.docker) put_into("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0");
    if (asked.docker) put_into("/proc/sys/net/ipv4/ping_group_range", "0 2147483647");
    lap(PHASE_sysctls);
    read_only();
    lap(PHASE_readonly);
    masks();
    lap(PHASE_masks);
    become_true();
}

// Makes a child, in the cgroup where it is v2.
static pid_t clone_into(int cgroup, uint64_t namespaces) {
    struct clone_args arguments = {.flags = namespaces, .exit_signal = SIGCHLD};
    if (asked.v2) {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = cgroup;
    }
    return must(syscall(SYS_clone3, &arguments, sizeof arguments), "clone3", "");
}

// For reading: BPF_PROG_ATTACH takes no other.
static int open_cgroup(void) { return asked.v2 ? open_at(of_cgroup(0, 0), O_RDONLY | O_DIRECTORY) : -1; }

static int await(pid_t child) {
    int status;
    must(wait4(child, &status, 0, 0), "wait4", "");
    lap(PHASE_program);
    return status;
}

static int run(void) {
    read_filter();
    make_cgroups();
    lap(PHASE_cgroups);
    limit();
    lap(PHASE_limits);
    int cgroup = open_cgroup();
    asked.v2 ? device_program(cgroup) : device_list();
    lap(PHASE_devices);
    const uint64_t namespaces = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID;
    pid_t child = clone_into(cgroup, namespaces | (asked.v2 ? CLONE_NEWCGROUP : 0));
    if (child == 0) contain();
    int status = await(child);
    remove_cgroups();
    lap(PHASE_remove);
    return status;
}

static int enter(void) {
    read_filter();
    int container = must(syscall(SYS_pidfd_open, atoi(asked.object), 0), "pidfd_open", asked.object);
    must(setns(container, CLONE_NEWPID), "setns", "pid");
    pid_t child = clone_into(open_cgroup(), 0);
    if (child == 0) {
        lap(PHASE_clone);
        join_cgroups();
        set_oom_score();
        const int namespaces = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC;
        must(setns(container, namespaces | (asked.v2 ? CLONE_NEWCGROUP : 0)), "setns", "all others");
        must(chdir("/"), "chdir", "/");
        lap(PHASE_join);
        become_true();
    }
    return await(child);
}

int main(int count, char **arguments) {
    if (count > 1 && !strcmp(arguments[1], "--phases")) {
        clockwork = mmap(0, sizeof *clockwork, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        must(clockwork == MAP_FAILED ? -1 : 0, "mmap", "");
        clockwork->last = now();
        arguments++, count--;
    }
    arguments++;
    if (count < 7) {
        dprintf(2, "usage: floor [--phases] run|exec v1|v2 plain|docker CGROUP FILTER ROOTFS|PID [HIERARCHY...]\n");
        return 2;
    }
    asked.v2 = !strcmp(arguments[1], "v2");
    asked.docker = !strcmp(arguments[2], "docker");
    asked.cgroup = arguments[3];
    asked.filter = arguments[4];
    asked.object = arguments[5];
    asked.hierarchies = arguments + 6;
    int status = strcmp(arguments[0], "exec") ? run() : enter();
    for (size_t i = 0; clockwork && i < COUNT(names); i++)
        if (clockwork->took[i]) dprintf(2, "%s %llu\n", names[i], (unsigned long long)clockwork->took[i]);
    if (status != 0) dprintf(2, "floor: the container ended with wait status %d\n", status);
    return status != 0;
}
