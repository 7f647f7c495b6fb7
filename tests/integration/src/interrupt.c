#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

/* interrupt VICTIM AT N COMMAND...: runs COMMAND under ptrace(2) and kills the VICTIM (`runtime`, the command's own
 * process, or `child`, any that it makes) when AT (one of the same two) makes its Nth system call. The others go on,
 * untraced. Prints the ids of all processes seen; exits with 0 if the point was reached, with 3 if the command
 * ended before. */

enum { PROCESSES = 64 };

static pid_t seen[PROCESSES];
static int entering[PROCESSES], count;

static int slot(pid_t pid) {
    for (int at = 0; at < count; at++)
        if (seen[at] == pid) return at;
    if (count == PROCESSES) exit(4);
    seen[count] = pid;
    return count++;
}

static void finish(int status) {
    for (int at = 0; at < count; at++) printf("%d\n", seen[at]);
    fflush(stdout);
    /* The end of the tracer lets all tracees go on. */
    _exit(status);
}

static pid_t begin(char **command) {
    pid_t pid = fork();
    if (pid == 0) {
        raise(SIGSTOP);
        execv(command[0], command);
        _exit(127);
    }
    waitpid(pid, 0, WUNTRACED);
    long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE;
    if (ptrace(PTRACE_SEIZE, pid, 0, options)) exit(4);
    kill(pid, SIGCONT);
    return pid;
}

int main(int arguments, char **argument) {
    if (arguments < 5) return 2;
    int kill_runtime = !strcmp(argument[1], "runtime"), at_runtime = !strcmp(argument[2], "runtime");
    long left = atol(argument[3]);
    pid_t runtime = begin(argument + 4);
    slot(runtime);
    int running = 0;
    for (;;) {
        int status;
        pid_t pid = waitpid(-1, &status, __WALL);
        if (pid < 0 && errno == EINTR) continue;
        if (pid < 0) finish(3);
        int at = slot(pid);
        if (!WIFSTOPPED(status)) {
            if (pid == runtime) finish(3);
            continue;
        }
        int event = status >> 16, stop = WSTOPSIG(status);
        if (stop == (SIGTRAP | 0x80)) {
            entering[at] = !entering[at];
            /* The command is not itself before its exec is over. */
            if (pid == runtime && !running) running = !entering[at];
            else if (entering[at] && (pid == runtime) == at_runtime && --left == 0) {
                kill(kill_runtime ? runtime : pid, SIGKILL);
                finish(0);
            }
            stop = 0;
        } else if (event) {
            stop = 0;
        }
        ptrace(PTRACE_SYSCALL, pid, 0, stop);
    }
}
