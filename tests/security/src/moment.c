#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* moment TOLD AT N SWAP ONE OTHER COMMAND...: becomes COMMAND, watched by a process of its own, which, when AT (`runtime`,
 * COMMAND's own process, or `child`, any that it makes) is about to make its Nth system call that takes a path, does SWAP:
 *   exchange   ONE and OTHER change places
 *   flip       the same, and back at the next such call
 *   move       ONE is renamed to OTHER
 *   mount      an empty tmpfs is mounted at ONE
 *   unmount    what is mounted at ONE is unmounted
 *   none       nothing, ever: what is counted is told
 * Then all go on, unwatched. TOLD gets `reached NAME` (the call's number), or `ended RUNTIME CHILD`: how many such calls
 * there are. */

enum { PROCESSES = 64 };

static const int calls[] = {
    SYS_open, SYS_openat, SYS_openat2, SYS_mkdir, SYS_mkdirat, SYS_mknod, SYS_mknodat, SYS_symlink, SYS_symlinkat,
    SYS_unlink, SYS_unlinkat, SYS_rmdir, SYS_link, SYS_linkat, SYS_rename, SYS_renameat, SYS_renameat2, SYS_readlink,
    SYS_readlinkat, SYS_stat, SYS_lstat, SYS_newfstatat, SYS_statx, SYS_access, SYS_faccessat, SYS_faccessat2,
    SYS_chdir, SYS_fchdir, SYS_chroot, SYS_pivot_root, SYS_mount, SYS_umount2, SYS_open_tree, SYS_move_mount,
    SYS_mount_setattr, SYS_chown, SYS_lchown, SYS_fchownat, SYS_chmod, SYS_fchmodat,
    SYS_statfs, SYS_execve, SYS_execveat, SYS_bind, SYS_connect, SYS_truncate,
};

static const char *told;
static pid_t seen[PROCESSES];
static int entering[PROCESSES], count;

static int slot(pid_t pid) {
    for (int at = 0; at < count; at++)
        if (seen[at] == pid) return at;
    if (count == PROCESSES) _exit(4);
    seen[count] = pid;
    return count++;
}

static void tell(const char *word, long one, long other) {
    FILE *file = fopen(told, "w");
    if (!file) _exit(4);
    fprintf(file, "%s %ld %ld\n", word, one, other);
    fclose(file);
}

static int takes_path(long call) {
    for (unsigned at = 0; at < sizeof calls / sizeof *calls; at++)
        if (calls[at] == call) return 1;
    return 0;
}

/* That it is not possible any more (what was there is gone) is no failure: there is nothing to attack then. */
static void swap(const char *way, const char *one, const char *other) {
    if (!strcmp(way, "exchange") || !strcmp(way, "flip")) renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE);
    else if (!strcmp(way, "move")) rename(one, other);
    else if (!strcmp(way, "mount")) mount("t", one, "tmpfs", 0, 0);
    else if (!strcmp(way, "unmount")) umount2(one, MNT_DETACH);
}

static void watch(pid_t runtime, char **argument) {
    int at_runtime = !strcmp(argument[2], "runtime");
    long left = atol(argument[3]), all[2] = {0, 0};
    const char *way = argument[4];
    int running = 0, flipped = 0, none = !strcmp(way, "none");
    for (;;) {
        int status;
        pid_t pid = waitpid(-1, &status, __WALL);
        if (pid < 0 && errno == EINTR) continue;
        if (pid < 0) _exit(0);
        if (!WIFSTOPPED(status)) continue;
        int at = slot(pid), event = status >> 16, stop = WSTOPSIG(status);
        if (event == PTRACE_EVENT_EXIT && pid == runtime) {
            if (!flipped) tell("ended", all[0], all[1]);
            _exit(0);
        }
        if (stop == (SIGTRAP | 0x80)) {
            stop = 0;
            entering[at] = !entering[at];
            struct __ptrace_syscall_info info = {0};
            ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info);
            entering[at] = info.op == PTRACE_SYSCALL_INFO_ENTRY;
            /* The command is not itself before its exec is over. */
            if (pid == runtime && !running) running = info.op == PTRACE_SYSCALL_INFO_EXIT && info.exit.rval == 0;
            else if (entering[at] && takes_path((long)info.entry.nr)) {
                all[pid != runtime]++;
                if (!none && (pid == runtime) == at_runtime && --left <= 0) {
                    swap(way, argument[5], argument[6]);
                    tell("reached", (long)info.entry.nr, 0);
                    if (strcmp(way, "flip") || flipped) _exit(0);
                    flipped = 1;
                }
            }
        } else if (event) {
            stop = 0;
        }
        ptrace(PTRACE_SYSCALL, pid, 0, stop);
    }
}

int main(int arguments, char **argument) {
    if (arguments < 8) return 2;
    told = argument[1];
    pid_t self = getpid();
    int ready[2];
    if (pipe2(ready, O_CLOEXEC)) return 4;
    pid_t between = fork();
    if (between == 0) {
        /* Nobody's child: the command may wait for its own only. */
        if (fork()) _exit(0);
        setsid();
        long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXIT;
        if (ptrace(PTRACE_SEIZE, self, 0, options) || ptrace(PTRACE_INTERRUPT, self, 0, 0)) _exit(4);
        write(ready[1], "", 1);
        watch(self, argument);
    }
    waitpid(between, 0, 0);
    close(ready[1]);
    char byte;
    if (read(ready[0], &byte, 1) != 1) return 4;
    execv(argument[7], argument + 7);
    return 127;
}
