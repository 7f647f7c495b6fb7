// peak FILE PROGRAM [ARGUMENT...]: runs a program and writes the most memory that it or a process that it waited for
// had (KiB), their page faults, and their processor time (microseconds) to FILE.
//
// A small program, since the kernel counts the memory of who starts a program as that program's.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int count, char **arguments) {
    if (count < 3) return 2;
    pid_t child = vfork();
    if (child == 0) {
        execv(arguments[2], arguments + 2);
        _exit(127);
    }
    int status;
    struct rusage used;
    if (child < 0 || wait4(child, &status, 0, &used) < 0) {
        dprintf(2, "peak: %s: %s\n", arguments[2], strerror(errno));
        return 1;
    }
    int file = open(arguments[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    long long time = (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000ll + used.ru_utime.tv_usec + used.ru_stime.tv_usec;
    if (file < 0 || dprintf(file, "%ld %ld %lld\n", used.ru_maxrss, used.ru_minflt, time) < 0) {
        dprintf(2, "peak: %s: %s\n", arguments[1], strerror(errno));
        return 1;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
