/* A library for LD_PRELOAD that counts the calls by which a process changes files, and breaks one of them.
 *
 *   FAULT_BELOW  directory whose files count, as an absolute path without links
 *   FAULT_AT     which call breaks, from 1; 0 breaks none
 *   FAULT_KIND   full    it and all that write after it fail with ENOSPC, as on a full disk
 *                io      it alone fails with EIO
 *                short   it writes half of its bytes, and the disk is full from then on; other calls as in `full`
 *                before  the process is killed before the call
 *                after   the process is killed right after it
 *                locked  it and all after it fail with EROFS, as where nobody may write
 *   FAULT_COUNT  file outside the directory that gets the number of calls when the process ends
 *
 * Removing files and cutting them short frees room, so it works on a full disk; and where nobody may write there is
 * nothing to sync, so syncing works. The calls are those that Rust's standard library and SQLite
 * make through glibc on Linux; what writes by mmap is not seen. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { NONE, FULL, IO, SHORT, BEFORE, AFTER, LOCKED };

static char below[4096], here[4096], count_to[4096];
static size_t below_len;
static long at;
static enum kind kind;
static atomic_long calls;
static atomic_int full, broken, locked;

__attribute__((constructor)) static void start(void) {
  const char *kinds[] = {"none", "full", "io", "short", "before", "after", "locked"};
  const char *text = getenv("FAULT_BELOW");
  if (text) snprintf(below, sizeof below, "%s", text);
  below_len = strlen(below);
  if ((text = getenv("FAULT_AT"))) at = atol(text);
  if ((text = getenv("FAULT_COUNT"))) snprintf(count_to, sizeof count_to, "%s", text);
  if ((text = getenv("FAULT_KIND")))
    for (int i = 0; i < 7; i++)
      if (!strcmp(text, kinds[i])) kind = i;
  if (!getcwd(here, sizeof here)) here[0] = 0;
}

__attribute__((destructor)) static void end(void) {
  FILE *file = count_to[0] ? fopen(count_to, "w") : NULL;
  if (!file) return;
  fprintf(file, "%ld\n", atomic_load(&calls));
  fclose(file);
}

static int counts(const char *path) {
  char whole[8192];
  if (!below_len || !path) return 0;
  if (path[0] != '/') {
    snprintf(whole, sizeof whole, "%s/%s", here, path);
    path = whole;
  }
  return !strncmp(path, below, below_len) && (path[below_len] == '/' || !path[below_len]);
}

static int counts_fd(int fd) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t len = readlink(link, path, sizeof path - 1);
  if (len < 0) return 0;
  path[len] = 0;
  return path[0] == '/' && counts(path); /* pipes and sockets have names of another kind */
}

/* Whether this call works; if not, errno says why. `*dies` tells that the process dies right after it. */
static int works(int counted, int frees, int *dies) {
  if (!counted) return 1;
  if (atomic_fetch_add(&calls, 1) + 1 == at) {
    if (kind == BEFORE) raise(SIGKILL);
    if (kind == AFTER) *dies = 1;
    if (kind == FULL || kind == SHORT) atomic_store(&full, 1);
    if (kind == SHORT) atomic_store(&broken, 1);
    if (kind == LOCKED) atomic_store(&locked, 1);
    if (kind == IO) {
      errno = EIO;
      return 0;
    }
  }
  if (atomic_load(&locked)) {
    errno = EROFS;
    return 0;
  }
  if (atomic_load(&full) && !frees) {
    errno = ENOSPC;
    return 0;
  }
  return 1;
}

static size_t cut(size_t len) {
  /* Half of the bytes of the one write that is cut short. */
  return len > 1 && atomic_exchange(&broken, 0) ? len / 2 : 0;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define CALL(counted, frees, made)                                                                                     \
  int dies = 0;                                                                                                        \
  if (!works(counted, frees, &dies)) return -1;                                                                        \
  __typeof__(made) result = made;                                                                                      \
  if (dies) raise(SIGKILL);                                                                                            \
  return result

#define OPEN(name, ...)                                                                                                \
  mode_t mode = 0;                                                                                                     \
  if (flags & (O_CREAT | O_TMPFILE)) {                                                                                 \
    va_list rest;                                                                                                      \
    va_start(rest, flags);                                                                                             \
    mode = va_arg(rest, mode_t);                                                                                       \
    va_end(rest);                                                                                                      \
  }                                                                                                                    \
  CALL((flags & (O_CREAT | O_TRUNC)) && counts(path), 0, REAL(name)(__VA_ARGS__, flags, mode))

int open(const char *path, int flags, ...) { OPEN(open, path); }
int open64(const char *path, int flags, ...) { OPEN(open64, path); }
int openat(int dir, const char *path, int flags, ...) { OPEN(openat, dir, path); }
int openat64(int dir, const char *path, int flags, ...) { OPEN(openat64, dir, path); }

#define WRITE(real, short_call)                                                                                        \
  int counted = counts_fd(fd), dies = 0;                                                                               \
  if (!works(counted, 0, &dies)) {                                                                                     \
    size_t half = counted ? cut(len) : 0;                                                                              \
    return half ? short_call : -1;                                                                                     \
  }                                                                                                                    \
  ssize_t result = real;                                                                                               \
  if (dies) raise(SIGKILL);                                                                                            \
  return result

ssize_t write(int fd, const void *bytes, size_t len) {
  WRITE(REAL(write)(fd, bytes, len), REAL(write)(fd, bytes, half));
}
ssize_t pwrite(int fd, const void *bytes, size_t len, off_t from) {
  WRITE(REAL(pwrite)(fd, bytes, len, from), REAL(pwrite)(fd, bytes, half, from));
}
ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t from) {
  WRITE(REAL(pwrite64)(fd, bytes, len, from), REAL(pwrite64)(fd, bytes, half, from));
}
ssize_t writev(int fd, const struct iovec *parts, int number) {
  CALL(counts_fd(fd), 0, REAL(writev)(fd, parts, number));
}
ssize_t copy_file_range(int from, off64_t *in, int to, off64_t *out, size_t len, unsigned flags) {
  CALL(counts_fd(to), 0, REAL(copy_file_range)(from, in, to, out, len, flags));
}
ssize_t sendfile64(int to, int from, off64_t *offset, size_t len) {
  CALL(counts_fd(to), 0, REAL(sendfile64)(to, from, offset, len));
}
int fsync(int fd) { CALL(kind != LOCKED && counts_fd(fd), 0, REAL(fsync)(fd)); }
int fdatasync(int fd) { CALL(kind != LOCKED && counts_fd(fd), 0, REAL(fdatasync)(fd)); }
static int shortens(int fd, off64_t len) {
  struct stat64 file;
  return !fstat64(fd, &file) && len < file.st_size;
}
int ftruncate(int fd, off_t len) { CALL(counts_fd(fd), shortens(fd, len), REAL(ftruncate)(fd, len)); }
int ftruncate64(int fd, off64_t len) { CALL(counts_fd(fd), shortens(fd, len), REAL(ftruncate64)(fd, len)); }
int posix_fallocate(int fd, off_t from, off_t len) { CALL(counts_fd(fd), 0, REAL(posix_fallocate)(fd, from, len)); }
int rename(const char *from, const char *to) { CALL(counts(from) || counts(to), 0, REAL(rename)(from, to)); }
int renameat2(int dir, const char *from, int other, const char *to, unsigned flags) {
  CALL(counts(from) || counts(to), 0, REAL(renameat2)(dir, from, other, to, flags));
}
int link(const char *from, const char *to) { CALL(counts(to), 0, REAL(link)(from, to)); }
int linkat(int dir, const char *from, int other, const char *to, int flags) {
  CALL(counts(to), 0, REAL(linkat)(dir, from, other, to, flags));
}
int symlink(const char *from, const char *to) { CALL(counts(to), 0, REAL(symlink)(from, to)); }
int mkdir(const char *path, mode_t mode) {
  /* What is there already is said to be there also where nobody may write. */
  CALL(counts(path) && (kind != LOCKED || access(path, F_OK)), 0, REAL(mkdir)(path, mode));
}
int unlink(const char *path) { CALL(counts(path), 1, REAL(unlink)(path)); }
int unlinkat(int dir, const char *path, int flags) {
  /* Below a directory that is being removed the path is relative to it. */
  CALL(counts(path) || counts_fd(dir), 1, REAL(unlinkat)(dir, path, flags));
}
int rmdir(const char *path) { CALL(counts(path), 1, REAL(rmdir)(path)); }
