#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* swap LOG WHO N BACK KIND PLACE TARGET COMMAND...: runs COMMAND under ptrace(2). Before the Nth system call that takes
 * a path, of all that the command makes, less the container's own program, and where WHO is `all` of the command's own
 * process, too, what is at PLACE is moved to
 * PLACE.away, and something else put there: KIND says what, TARGET is a link's text. With a BACK other than 0 the old
 * comes back BACK such calls later. Then all goes on. Ends with the command's exit status.
 *
 * LOG gets a line `swapped NUMBER-OF-THE-CALL` or `ended COUNT`, and, when the container's program is executed, the
 * mountinfo of that (`inside LINE`) and the host's (`host LINE`). */

enum { PROCESSES = 256 };

static struct {
    pid_t pid;
    int execs;
} seen[PROCESSES];

static int count;
static char away[4096];
static FILE *report;

static const int CALLS[] = {SYS_open,       SYS_stat,       SYS_lstat,     SYS_access,     SYS_execve,    SYS_chdir,
                            SYS_fchdir,     SYS_rename,     SYS_mkdir,     SYS_rmdir,      SYS_unlink,    SYS_symlink,
                            SYS_readlink,   SYS_chmod,      SYS_chown,     SYS_mknod,      SYS_pivot_root, SYS_chroot,
                            SYS_mount,      SYS_umount2,    SYS_openat,    SYS_mkdirat,    SYS_mknodat,   SYS_fchownat,
                            SYS_newfstatat, SYS_unlinkat,   SYS_renameat,  SYS_linkat,     SYS_symlinkat, SYS_readlinkat,
                            SYS_fchmodat,   SYS_faccessat,  SYS_execveat,  SYS_statx,      428,           429,
                            432,            433,            437,           439,            442,           SYS_renameat2};

static int takes_path(long call) {
    for (unsigned at = 0; at < sizeof CALLS / sizeof *CALLS; at++)
        if (CALLS[at] == call) return 1;
    return 0;
}

static int slot(pid_t pid) {
    for (int at = 0; at < count; at++)
        if (seen[at].pid == pid) return at;
    if (count == PROCESSES) exit(4);
    seen[count].pid = pid;
    return count++;
}

static void tell(const char *words, long number) {
    fprintf(report, "%s %ld\n", words, number);
}

static void copy_mountinfo(const char *whose, pid_t pid) {
    char path[64], line[65536];
    snprintf(path, sizeof path, "/proc/%d/mountinfo", pid);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file)) fprintf(report, "%s %s", whose, line);
    if (file) fclose(file);
}

static void bind_socket(const char *place) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int end = socket(AF_UNIX, SOCK_STREAM, 0);
    strncpy(address.sun_path, place, sizeof address.sun_path - 1);
    bind(end, (void *)&address, sizeof address);
    close(end);
}

static void put(const char *kind, const char *place, const char *target) {
    if (!strcmp(kind, "over")) {
        mount("over", place, "tmpfs", 0, 0);
        return;
    }
    rename(place, away);
    if (!strcmp(kind, "link")) symlink(target, place);
    else if (!strcmp(kind, "file")) close(open(place, O_CREAT | O_WRONLY, 0644));
    else if (!strcmp(kind, "directory")) mkdir(place, 0755);
    else if (!strcmp(kind, "fifo")) mkfifo(place, 0644);
    else if (!strcmp(kind, "node")) mknod(place, S_IFCHR | 0666, makedev(1, 5));
    else if (!strcmp(kind, "socket")) bind_socket(place);
    else if (!strcmp(kind, "bind")) {
        mkdir(place, 0755);
        mount(away, place, 0, MS_BIND, 0);
    }
}

static int is_mount(const char *kind) { return !strcmp(kind, "over") || !strcmp(kind, "bind"); }

static void put_back(const char *kind, const char *place) {
    char swapped[4200];
    if (is_mount(kind)) umount2(place, MNT_DETACH | UMOUNT_NOFOLLOW);
    if (!strcmp(kind, "over")) return;
    snprintf(swapped, sizeof swapped, "%s.swapped", place);
    rename(place, swapped);
    rename(away, place);
}

static pid_t begin(char **command) {
    pid_t pid = fork();
    if (pid == 0) {
        raise(SIGSTOP);
        execv(command[0], command);
        _exit(127);
    }
    waitpid(pid, 0, WUNTRACED);
    long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
                   PTRACE_O_TRACEEXEC;
    if (ptrace(PTRACE_SEIZE, pid, 0, options)) exit(4);
    kill(pid, SIGCONT);
    return pid;
}

/* The path-taking call that a stopped process is about to make; -1 where it is none. */
static long call_of(pid_t pid, int at, pid_t runtime, int all) {
    struct __ptrace_syscall_info info;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) <= 0 || info.op != PTRACE_SYSCALL_INFO_ENTRY) return -1;
    /* The command is itself after its exec; what a container runs is the second program of its process. */
    int counts = pid == runtime ? all && seen[at].execs > 0 : seen[at].execs < 2;
    return counts && takes_path(info.entry.nr) ? (long)info.entry.nr : -1;
}

int main(int arguments, char **argument) {
    if (arguments < 9) return 2;
    report = fopen(argument[1], "we");
    if (!report) return 2;
    int all = !strcmp(argument[2], "all");
    long point = atol(argument[3]), back = atol(argument[4]), passed = 0;
    const char *kind = argument[5], *place = argument[6], *target = argument[7];
    snprintf(away, sizeof away, "%s.away", place);
    pid_t runtime = begin(argument + 8);
    int result = 4, swapped = 0;
    for (;;) {
        int status;
        pid_t pid = waitpid(-1, &status, __WALL);
        if (pid < 0 && errno == EINTR) continue;
        if (pid < 0) break;
        int at = slot(pid), stop = 0;
        if (!WIFSTOPPED(status)) {
            if (pid != runtime) continue;
            result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            break;
        }
        if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
            long call = call_of(pid, at, runtime, all);
            if (call >= 0 && ++passed == point) {
                put(kind, place, target);
                swapped = 1;
                tell("swapped", call);
            } else if (call >= 0 && back && passed == point + back) {
                put_back(kind, place);
                swapped = 0;
            }
        } else if (status >> 16 == PTRACE_EVENT_EXEC) {
            if (++seen[at].execs == 2) {
                copy_mountinfo("inside", pid);
                copy_mountinfo("host", getpid());
            }
        } else if (!(status >> 16)) {
            stop = WSTOPSIG(status);
        }
        ptrace(passed < point + back ? PTRACE_SYSCALL : PTRACE_CONT, pid, 0, stop);
    }
    if (swapped && is_mount(kind)) umount2(place, MNT_DETACH | UMOUNT_NOFOLLOW);
    if (passed < point) tell("ended", passed);
    fclose(report);
    return result;
}
