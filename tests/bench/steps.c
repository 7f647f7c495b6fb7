// The order in which a program first calls each of its functions, for hack/layout.
//
//   steps PROGRAM [ARGUMENT...] <SYMBOLS 3>ORDER
//
// SYMBOLS is nm's list of the functions of PROGRAM, which lies at fixed addresses. Each gets a breakpoint, is printed by
// name where it is hit, and loses it. Children are followed until they execute something else.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST = 1 << 16, BREAK = 0xcc };

static struct symbol {
    unsigned long address;
    long word;
    char name[1024];
    int hit;
} symbols[MOST];
static int count;

static void check(long result, const char *what) {
    if (result == -1) {
        perror(what);
        exit(1);
    }
}

static struct symbol *find(unsigned long address) {
    int low = 0, high = count;
    while (low < high) {
        int middle = (low + high) / 2;
        if (symbols[middle].address < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && symbols[low].address == address ? &symbols[low] : NULL;
}

// Puts one byte of a process back.
static void restore(pid_t process, struct symbol *symbol) {
    long now = ptrace(PTRACE_PEEKTEXT, process, symbol->address, 0);
    ptrace(PTRACE_POKETEXT, process, symbol->address, (now & ~0xffL) | (symbol->word & 0xff));
}

int main(int arguments, char **argument) {
    char kind;
    if (arguments < 2)
        return 1;
    while (count < MOST && scanf("%lx %c %1023s\n", &symbols[count].address, &kind, symbols[count].name) == 3)
        if (count == 0 || symbols[count - 1].address != symbols[count].address)
            count++;
    pid_t child = fork();
    check(child, "fork");
    if (child == 0) {
        check(ptrace(PTRACE_TRACEME, 0, 0, 0), "ptrace");
        execv(argument[1], argument + 1);
        _exit(127);
    }
    int status;
    check(waitpid(child, &status, 0), "waitpid");
    check(ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC), "ptrace");
    for (int i = 0; i < count; i++)
        symbols[i].word = ptrace(PTRACE_PEEKTEXT, child, symbols[i].address, 0);
    for (int i = 0; i < count; i++) {
        // The word may hold the breakpoint of the function before.
        long now = ptrace(PTRACE_PEEKTEXT, child, symbols[i].address, 0);
        ptrace(PTRACE_POKETEXT, child, symbols[i].address, (now & ~0xffL) | BREAK);
    }
    ptrace(PTRACE_CONT, child, 0, 0);
    FILE *out = fdopen(3, "w");
    for (pid_t process; out && (process = waitpid(-1, &status, __WALL)) > 0;) {
        if (!WIFSTOPPED(status)) {
            if (process == child)
                break;
            continue;
        }
        int signal = WSTOPSIG(status), event = status >> 16;
        if (event == PTRACE_EVENT_EXEC) {
            ptrace(PTRACE_DETACH, process, 0, 0);
            continue;
        }
        struct user_regs_struct registers;
        struct symbol *symbol = NULL;
        if (signal == SIGTRAP && !event && ptrace(PTRACE_GETREGS, process, 0, &registers) == 0)
            symbol = find(registers.rip - 1);
        if (symbol) {
            restore(process, symbol);
            registers.rip--;
            ptrace(PTRACE_SETREGS, process, 0, &registers);
            if (!symbol->hit++)
                fprintf(out, "%s\n", symbol->name);
        }
        ptrace(PTRACE_CONT, process, 0, symbol || event || signal == SIGTRAP || signal == SIGSTOP ? 0 : signal);
    }
    return out && fclose(out) == 0 ? 0 : 1;
}
