/* One of the calls by which a process touches a store fails, or ends the process: for LD_PRELOAD.

   FAILING_STORE   the path of the store, and the beginning of those of the files beside it
   FAILING_CALLS   which calls count: w to write, s to wait for the disk, r to read
   FAILING_NUMBER  which of them fails, counted from 1 over all threads
   FAILING_HOW     an errno, or `kill`
   FAILING_MARK    a file that is made when it fails, with the name of the call and the path in it

   Without a number nothing fails, and the mark holds how many calls there were. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_long seen;

static void mark(const char *words) {
    const char *path = getenv("FAILING_MARK");
    int (*real_open)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
    ssize_t (*real_write)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
    int file = path ? real_open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644) : -1;
    if (file >= 0) {
        if (real_write(file, words, strlen(words)) < 0) abort();
        close(file);
    }
}

/* Whether this call is the one. */
static int fails(const char *call, char kind, int fd) {
    const char *store = getenv("FAILING_STORE"), *kinds = getenv("FAILING_CALLS");
    if (!store || !kinds || !strchr(kinds, kind)) return 0;
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    if (strncmp(path, store, strlen(store)) != 0) return 0;
    const char *number = getenv("FAILING_NUMBER"), *how = getenv("FAILING_HOW");
    if (atomic_fetch_add(&seen, 1) + 1 != (number ? atol(number) : 0)) return 0;
    char words[4200];
    snprintf(words, sizeof words, "%s %s\n", call, path);
    mark(words);
    if (how && strcmp(how, "kill") == 0) kill(getpid(), SIGKILL);
    errno = how ? atoi(how) : EIO;
    return 1;
}

__attribute__((destructor)) static void count(void) {
    char words[32];
    if (getenv("FAILING_NUMBER")) return;
    snprintf(words, sizeof words, "%ld\n", atomic_load(&seen));
    mark(words);
}

#define FAILING(kind, type, name, parameters, ...)                      \
    type name parameters {                                              \
        static type (*real) parameters;                                 \
        if (!real) real = (type(*) parameters)dlsym(RTLD_NEXT, #name);  \
        return fails(#name, kind, fd) ? -1 : real(__VA_ARGS__);         \
    }

FAILING('w', ssize_t, write, (int fd, const void *from, size_t size), fd, from, size)
FAILING('w', ssize_t, pwrite, (int fd, const void *from, size_t size, off_t at), fd, from, size, at)
FAILING('w', ssize_t, pwrite64, (int fd, const void *from, size_t size, off64_t at), fd, from, size, at)
FAILING('w', int, ftruncate, (int fd, off_t size), fd, size)
FAILING('w', int, ftruncate64, (int fd, off64_t size), fd, size)
FAILING('s', int, fsync, (int fd), fd)
FAILING('s', int, fdatasync, (int fd), fd)
FAILING('r', ssize_t, read, (int fd, void *to, size_t size), fd, to, size)
FAILING('r', ssize_t, pread, (int fd, void *to, size_t size, off_t at), fd, to, size, at)
FAILING('r', ssize_t, pread64, (int fd, void *to, size_t size, off64_t at), fd, to, size, at)
