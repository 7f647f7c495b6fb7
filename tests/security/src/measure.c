#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* `measure FILE PROGRAM…` runs a program, and tells in FILE the most memory that it or a child that it waited for has had
 * at a time, in KiB, and the processor time of all of them, in milliseconds. */
int main(int count, char **arguments) {
    int status;
    struct rusage use;
    pid_t pid = fork();
    if (pid == 0) {
        execv(arguments[2], arguments + 2);
        _exit(127);
    }
    if (count < 3 || wait4(pid, &status, 0, &use) < 0) return 126;
    long time = (use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000 + (use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1000;
    FILE *file = fopen(arguments[1], "w");
    fprintf(file, "%ld %ld\n", use.ru_maxrss, time);
    fclose(file);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
