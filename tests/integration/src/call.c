#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

/* Makes system calls, each named `[HOW:]NUMBER[,ARGUMENT...]`, and prints a line for each: its error number, 0 for
 * none. HOW: `thread`: in a thread of its own ("gone" if that does not come back); `handler`: with a handler of SIGSYS
 * ("trapped NUMBER"); `tracer`: under ptrace ("traced DATA", the filter's data); `compat`: as a program of 32 bits. */

static unsigned long number, argument[6];
static volatile int error;

static void read_call(const char *text) {
    memset(argument, 0, sizeof argument);
    char *end;
    number = strtoul(text, &end, 10);
    for (int at = 0; *end == ',' && at < 6; at++) argument[at] = strtoul(end + 1, &end, 10);
}

static void *make_call(void *unused) {
    errno = 0;
    long answer = syscall(number, argument[0], argument[1], argument[2], argument[3], argument[4], argument[5]);
    error = answer < 0 ? errno : 0;
    return unused;
}

static void in_thread(void) {
    pthread_t thread;
    error = -1;
    pthread_create(&thread, 0, make_call, 0);
    pthread_join(thread, 0);
    if (error < 0) puts("gone");
    else printf("%d\n", error);
}

static void trapped(int signal, siginfo_t *told, void *context) {
    (void)signal, (void)context;
    printf("trapped %d\n", told->si_syscall);
}

static void with_handler(void) {
    struct sigaction action = {.sa_sigaction = trapped, .sa_flags = SA_SIGINFO};
    sigaction(SIGSYS, &action, 0);
    make_call(0);
}

static void under_tracer(void) {
    pid_t pid = fork();
    if (pid == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        make_call(0);
        _exit(0);
    }
    int status;
    unsigned long data = 0;
    waitpid(pid, &status, 0);
    ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL);
    ptrace(PTRACE_CONT, pid, 0, 0);
    waitpid(pid, &status, 0);
    if (status >> 8 == (SIGTRAP | PTRACE_EVENT_SECCOMP << 8) && !ptrace(PTRACE_GETEVENTMSG, pid, 0, &data))
        printf("traced %lu\n", data);
    else printf("not traced: %x\n", status);
}

static void as_32_bits(void) {
    long answer = -ENOSYS;
#ifdef __x86_64__
    __asm__ volatile("int $0x80" : "=a"(answer) : "a"(number), "b"(argument[0]) : "memory", "r8", "r9", "r10", "r11");
#endif
    printf("%d\n", (int)answer < 0 && (int)answer > -4096 ? -(int)answer : 0);
}

static void one(char *text) {
    char *call = strchr(text, ':');
    read_call(call ? call + 1 : text);
    if (!strncmp(text, "thread:", 7)) in_thread();
    else if (!strncmp(text, "handler:", 8)) with_handler();
    else if (!strncmp(text, "tracer:", 7)) under_tracer();
    else if (!strncmp(text, "compat:", 7)) as_32_bits();
    else make_call(0), printf("%d\n", error);
    fflush(stdout);
}

int main(int count, char **calls) {
    for (int at = 1; at < count; at++) one(calls[at]);
}
