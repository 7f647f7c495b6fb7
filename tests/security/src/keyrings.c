#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* `keyrings hold NAME PROGRAM…` runs a program with a session keyring of that name that has a secret in it and that
 * everybody may search; `keyrings look` tells whether the secret is found, and which keyring this process has; `keyrings
 * label` tells that keyring's SELinux label. See keyctl(2). */

#define JOIN 1L
#define SETPERM 5L
#define DESCRIBE 6L
#define SEARCH 10L
#define GET_SECURITY 17L
#define SESSION -3L
#define ALL 0x3f3f3f3fL

int main(int count, char **arguments) {
    if (count > 3 && !strcmp(arguments[1], "hold")) {
        long keyring = syscall(SYS_keyctl, JOIN, arguments[2], 0, 0, 0);
        if (keyring < 0) return 100;
        if (syscall(SYS_add_key, "user", "cofferdam-secret", "secret", 6L, keyring) < 0) return 101;
        if (syscall(SYS_keyctl, SETPERM, keyring, ALL, 0, 0) < 0) return 102;
        execv(arguments[3], arguments + 3);
        return 103;
    }
    char text[4096] = "";
    if (count > 1 && !strcmp(arguments[1], "label")) {
        if (syscall(SYS_keyctl, GET_SECURITY, SESSION, text, sizeof text - 1, 0) < 0) return 104;
        puts(text);
        return 0;
    }
    long found = syscall(SYS_keyctl, SEARCH, SESSION, "user", "cofferdam-secret", 0L);
    int error = errno;
    syscall(SYS_keyctl, DESCRIBE, SESSION, text, sizeof text - 1, 0);
    printf("%s %s\n", found >= 0 ? "found" : strerror(error), text);
    return 0;
}
