#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Makes the system calls that standard input lists, a line each: `ABI NUMBER A B C D E F`, and writes for each how it
 * ended: its error number, 0 for none. ABI: `n`, the native one (that of x32 by its numbers); `c`, as a program of 32
 * bits. All of it is read before the first call, and what came of them is told at the end. */

struct line { char abi; unsigned long number, argument[6]; };

static long compat(const struct line *one) {
    long answer = -ENOSYS;
#ifdef __x86_64__
    const unsigned long *a = one->argument;
    __asm__ volatile("push %%rbp\n\tmov %[six], %%rbp\n\tint $0x80\n\tpop %%rbp"
                     : "=a"(answer)
                     : "a"(one->number), "b"(a[0]), "c"(a[1]), "d"(a[2]), "S"(a[3]), "D"(a[4]), [six] "r"(a[5])
                     : "memory", "r8", "r9", "r10", "r11");
#endif
    int narrow = (int)answer;
    return narrow < 0 && narrow > -4096 ? -narrow : 0;
}

static long native(const struct line *one) {
    const unsigned long *a = one->argument;
    errno = 0;
    long answer = syscall(one->number, a[0], a[1], a[2], a[3], a[4], a[5]);
    return answer < 0 ? errno : 0;
}

int main(void) {
    static struct line lines[20000];
    static short ends[20000];
    int count = 0;
    signal(SIGALRM, SIG_IGN);
    while (count < 20000) {
        struct line *one = lines + count;
        unsigned long *a = one->argument;
        if (scanf(" %c %lu %lu %lu %lu %lu %lu %lu", &one->abi, &one->number, a, a + 1, a + 2, a + 3, a + 4, a + 5) != 8)
            break;
        count++;
    }
    for (int at = 0; at < count; at++) ends[at] = lines[at].abi == 'c' ? compat(lines + at) : native(lines + at);
    for (int at = 0; at < count; at++) printf("%d\n", ends[at]);
    return 0;
}
