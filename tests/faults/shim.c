/* Preloaded into a server: lets the Nth call of a kind fail, once, in one process, where drugembed or ONNX Runtime makes it.
 *
 * The test and the server share a small file, $DRUGEMBED_FAULTS. Callers are told apart by their return address: what PostgreSQL
 * itself allocates or writes is left alone. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum kind { ALLOCATE, READ, WRITE, MAP, SYNC, RENAME, OPEN, LOCK, REMOVE, KINDS };

struct control {
    volatile int32_t process; /* 0: none */
    volatile int32_t kind;
    volatile int64_t left;        /* the call that fails is the one that finds 1 */
    volatile int64_t seen[KINDS]; /* calls since the process was armed */
};

static struct control *control;

static long call(long number, long a, long b, long c, long d, long e, long f) { return syscall(number, a, b, c, d, e, f); }

__attribute__((constructor)) static void start(void) {
    const char *path = getenv("DRUGEMBED_FAULTS");
    int file = path ? (int)call(SYS_openat, AT_FDCWD, (long)path, O_RDWR | O_CLOEXEC, 0, 0, 0) : -1;
    if (file < 0) return;
    long at = call(SYS_mmap, 0, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (at != -1) control = (struct control *)at;
    close(file);
}

struct search { uintptr_t address; int found; };

static int is_ours(struct dl_phdr_info *object, size_t size, void *data) {
    struct search *search = data;
    (void)size;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        uintptr_t first = object->dlpi_addr + object->dlpi_phdr[i].p_vaddr;
        if (object->dlpi_phdr[i].p_type != PT_LOAD || search->address - first >= object->dlpi_phdr[i].p_memsz) continue;
        const char *name = strrchr(object->dlpi_name, '/');
        name = name ? name + 1 : object->dlpi_name;
        search->found = !strncmp(name, "drugembed", 9) || !strncmp(name, "libonnxruntime", 14) || !strncmp(name, "libstdc++", 9);
        return 1;
    }
    return 0;
}

static __thread int busy;

/* While a library is loaded its constructors run, which in C++ can say that memory is wanting only by an exception that nobody
 * catches. drugembed makes sure of far more than they take right before. */
void *dlopen(const char *path, int flags) {
    static void *(*real)(const char *, int);
    if (!real) real = (void *(*)(const char *, int))dlsym(RTLD_NEXT, "dlopen");
    busy++;
    void *library = real(path, flags);
    busy--;
    return library;
}

/* Whether the call that returns to `address` is to fail. */
static int fails(enum kind kind, void *address) {
    static struct search known[1024];
    if (!control || !control->process || busy || control->process != getpid()) return 0;
    busy = 1;
    struct search *search = &known[((uintptr_t)address >> 2) % 1024];
    if (search->address != (uintptr_t)address) {
        search->address = (uintptr_t)address;
        search->found = 0;
        dl_iterate_phdr(is_ours, search);
    }
    busy = 0;
    if (!search->found) return 0;
    control->seen[kind]++;
    return control->kind == (int)kind && control->left > 0 && --control->left == 0;
}

#define CALLER __builtin_return_address(0)
#define REFUSE(kind, code, result) if (fails(kind, CALLER)) { errno = code; return result; }

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t), *__libc_memalign(size_t, size_t);

void *malloc(size_t size) { REFUSE(ALLOCATE, ENOMEM, NULL); return __libc_malloc(size); }
void *calloc(size_t count, size_t size) { REFUSE(ALLOCATE, ENOMEM, NULL); return __libc_calloc(count, size); }
void *realloc(void *block, size_t size) { REFUSE(ALLOCATE, ENOMEM, NULL); return __libc_realloc(block, size); }
void *memalign(size_t align, size_t size) { REFUSE(ALLOCATE, ENOMEM, NULL); return __libc_memalign(align, size); }
void *aligned_alloc(size_t align, size_t size) { REFUSE(ALLOCATE, ENOMEM, NULL); return __libc_memalign(align, size); }
int posix_memalign(void **block, size_t align, size_t size) {
    if (fails(ALLOCATE, CALLER)) return ENOMEM;
    void *made = __libc_memalign(align, size);
    if (made) *block = made;
    return made ? 0 : ENOMEM;
}

/* See is_description below. */
static int reads_description(int file) {
    char link[64], path[64] = "";
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    return readlink(link, path, sizeof path - 1) > 0 && !strncmp(path, "/sys/devices/system/cpu/", 24);
}

ssize_t read(int file, void *to, size_t size) {
    if (fails(READ, CALLER) && !reads_description(file)) {
        errno = EIO;
        return -1;
    }
    return call(SYS_read, file, (long)to, (long)size, 0, 0, 0);
}
ssize_t pread(int file, void *to, size_t size, off_t at) {
    REFUSE(READ, EIO, -1);
    return call(SYS_pread64, file, (long)to, (long)size, at, 0, 0);
}
ssize_t pread64(int file, void *to, size_t size, off64_t at) {
    REFUSE(READ, EIO, -1);
    return call(SYS_pread64, file, (long)to, (long)size, at, 0, 0);
}
ssize_t write(int file, const void *from, size_t size) {
    REFUSE(WRITE, ENOSPC, -1);
    return call(SYS_write, file, (long)from, (long)size, 0, 0, 0);
}
ssize_t pwrite64(int file, const void *from, size_t size, off64_t at) {
    REFUSE(WRITE, ENOSPC, -1);
    return call(SYS_pwrite64, file, (long)from, (long)size, at, 0, 0);
}
void *mmap(void *start, size_t size, int access, int flags, int file, off_t at) {
    REFUSE(MAP, ENOMEM, MAP_FAILED);
    return (void *)call(SYS_mmap, (long)start, (long)size, access, flags, file, at);
}
void *mmap64(void *start, size_t size, int access, int flags, int file, off64_t at) {
    REFUSE(MAP, ENOMEM, MAP_FAILED);
    return (void *)call(SYS_mmap, (long)start, (long)size, access, flags, file, at);
}
int ftruncate64(int file, off64_t size) { REFUSE(WRITE, ENOSPC, -1); return (int)call(SYS_ftruncate, file, size, 0, 0, 0, 0); }
int flock(int file, int how) { REFUSE(LOCK, ENOLCK, -1); return (int)call(SYS_flock, file, how, 0, 0, 0, 0); }
int unlink(const char *path) { REFUSE(REMOVE, EACCES, -1); return (int)call(SYS_unlinkat, AT_FDCWD, (long)path, 0, 0, 0, 0); }
int mkdir(const char *path, mode_t mode) { REFUSE(OPEN, EACCES, -1); return (int)call(SYS_mkdirat, AT_FDCWD, (long)path, mode, 0, 0, 0); }
DIR *opendir(const char *path) {
    static DIR *(*real)(const char *);
    REFUSE(OPEN, EMFILE, NULL);
    if (!real) real = (DIR *(*)(const char *))dlsym(RTLD_NEXT, "opendir");
    return real(path);
}
int fsync(int file) { REFUSE(SYNC, EIO, -1); return (int)call(SYS_fsync, file, 0, 0, 0, 0, 0); }
int fdatasync(int file) { REFUSE(SYNC, EIO, -1); return (int)call(SYS_fdatasync, file, 0, 0, 0, 0, 0); }
int rename(const char *from, const char *to) {
    REFUSE(RENAME, EIO, -1);
    return (int)call(SYS_renameat2, AT_FDCWD, (long)from, AT_FDCWD, (long)to, 0, 0);
}

static int opened(int folder, const char *path, int flags, va_list more) {
    long mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, int) : 0;
    return (int)call(SYS_openat, folder, (long)path, flags, mode, 0, 0);
}
/* Of the processor's description ONNX Runtime (its part cpuinfo) opens one file twice, and takes for granted that the second time
 * succeeds as the first did. So it does where descriptors are wanting, since it closes one before it opens the next. */
static int is_description(const char *path) { return !strncmp(path, "/sys/devices/system/cpu/", 24); }
#define REFUSE_OPEN if (!is_description(path)) REFUSE(OPEN, EMFILE, -1)
#define OPENED(folder) va_list more; va_start(more, flags); int file = opened(folder, path, flags, more); va_end(more); return file
int open(const char *path, int flags, ...) { REFUSE_OPEN; OPENED(AT_FDCWD); }
int open64(const char *path, int flags, ...) { REFUSE_OPEN; OPENED(AT_FDCWD); }
int openat(int folder, const char *path, int flags, ...) { REFUSE_OPEN; OPENED(folder); }
