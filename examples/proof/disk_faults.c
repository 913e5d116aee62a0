// SPDX-License-Identifier: Apache-2.0
//
// A disk that fails on command. Preloaded into the server, it counts what is done to
// the files of one folder, lets the chosen operation fail, and remembers what was
// written and not yet synced, so that a loss of power can be played.
//
//   FAULTS_FOLDER   the folder
//   FAULTS_CONTROL  a file with a `struct control`, shared with the proof
//   FAULTS_UNDO     a folder for what is not synced; what lies there when a process
//                   starts is undone first, as after a loss of power
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum fault {
  NONE = 0,
  // The device fails: EIO from writes, truncations and syncs.
  IO = 1,
  // The disk is full: ENOSPC from writes and truncations.
  FULL = 2,
  // A write writes half and then finds the disk full.
  TORN = 3,
  // EIO from syncs, and what they should have kept is gone.
  SYNC = 4,
  // The process dies in the middle of a write.
  KILL = 5,
  // The power fails: the process dies, and what was not synced is gone.
  POWER = 6,
};

// The proof writes it and reads it at these offsets; little endian.
struct control {
  uint32_t fault;
  // 1: the fault stays until the proof takes it away. 0: it happens once.
  uint32_t stays;
  // Which operation fails first, counted from 1.
  uint64_t at;
  // Operations that the fault concerns, so far.
  uint64_t count;
  // Operations that failed.
  uint64_t failed;
};

enum operation { WRITE, SYNCING };

static struct control *control;
static char folder[PATH_MAX];
static const char *undo_folder;

// One operation at a time: what is synced is what was written before.
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_ftruncate)(int, off_t);
static int (*real_unlink)(const char *);
static int (*real_close)(int);

static void give_up(const char *what) {
  perror(what);
  abort();
}

// === what is not synced ===

// In front of the bytes that a write replaced.
struct undo {
  uint64_t offset;
  uint64_t size_of_file;
  uint64_t length;
};

static void undo_path(const char *name, char path[PATH_MAX]) {
  if (snprintf(path, PATH_MAX, "%s/%s", undo_folder, name) >= PATH_MAX) abort();
}

// SQLite makes its shared memory anew.
static bool is_kept(const char *name) {
  size_t length = strlen(name);
  return length < 4 || strcmp(name + length - 4, "-shm") != 0;
}

static void forget(const char *name) {
  char path[PATH_MAX];
  undo_path(name, path);
  if (truncate(path, 0) != 0 && errno != ENOENT) give_up(path);
}

// Remembers what is about to be replaced: `length` bytes from `offset` on.
static void remember(int fd, const char *name, uint64_t offset, uint64_t length) {
  if (!is_kept(name)) return;
  struct stat file;
  if (fstat(fd, &file) != 0) give_up(name);
  uint64_t size = (uint64_t)file.st_size;
  uint64_t replaced = offset >= size ? 0 : size - offset;
  if (replaced > length) replaced = length;
  char path[PATH_MAX], data[PATH_MAX];
  undo_path(name, path);
  if (snprintf(data, PATH_MAX, "%s/%s", folder, name) >= PATH_MAX) abort();
  struct undo head = {offset, size, replaced};
  char *record = malloc(sizeof head + replaced);
  int undo = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  int old = open(data, O_RDONLY | O_CLOEXEC);
  if (!record || undo < 0 || old < 0) give_up(path);
  memcpy(record, &head, sizeof head);
  if (pread(old, record + sizeof head, replaced, (off_t)offset) != (ssize_t)replaced) give_up(data);
  ssize_t whole = (ssize_t)(sizeof head + replaced);
  if (real_write(undo, record, (size_t)whole) != whole) give_up(path);
  close(old);
  close(undo);
  free(record);
}

// Makes a file what it was when it was last synced: the last write goes first.
static void undo(const char *name) {
  char path[PATH_MAX], data[PATH_MAX];
  undo_path(name, path);
  if (snprintf(data, PATH_MAX, "%s/%s", folder, name) >= PATH_MAX) abort();
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  int file = open(data, O_WRONLY | O_CLOEXEC);
  struct stat stat;
  if (fd >= 0 && file >= 0 && fstat(fd, &stat) == 0 && stat.st_size > 0) {
    size_t size = (size_t)stat.st_size;
    char *records = malloc(size);
    size_t *starts = malloc((size / sizeof(struct undo) + 1) * sizeof *starts);
    if (!records || !starts || pread(fd, records, size, 0) != (ssize_t)size) give_up(path);
    size_t count = 0;
    struct undo head;
    for (size_t at = 0; at + sizeof head <= size; at += sizeof head + head.length) {
      memcpy(&head, records + at, sizeof head);
      // The process died while it wrote the last record.
      if (at + sizeof head + head.length > size) break;
      starts[count++] = at;
    }
    while (count > 0) {
      size_t at = starts[--count];
      memcpy(&head, records + at, sizeof head);
      const char *bytes = records + at + sizeof head;
      ssize_t length = (ssize_t)head.length;
      if (real_pwrite(file, bytes, head.length, (off_t)head.offset) != length) give_up(data);
      if (real_ftruncate(file, (off_t)head.size_of_file) != 0) give_up(data);
    }
    free(starts);
    free(records);
  }
  if (fd >= 0) close(fd);
  if (file >= 0) close(file);
  forget(name);
}

// === faults ===

static bool concerns(uint32_t fault, enum operation operation) {
  switch (fault) {
    case FULL:
    case TORN:
      return operation == WRITE;
    case SYNC:
      return operation == SYNCING;
    default:
      return fault != NONE;
  }
}

// The fault that this operation meets.
static uint32_t meets(enum operation operation) {
  uint32_t fault = __atomic_load_n(&control->fault, __ATOMIC_SEQ_CST);
  if (!concerns(fault, operation)) return NONE;
  uint64_t count = __atomic_add_fetch(&control->count, 1, __ATOMIC_SEQ_CST);
  bool fails = control->stays ? count >= control->at : count == control->at;
  if (!fails) return NONE;
  uint64_t before = __atomic_fetch_add(&control->failed, 1, __ATOMIC_SEQ_CST);
  if (fault == POWER) kill(getpid(), SIGKILL);
  // Once torn, the disk stays full.
  return fault == TORN && before > 0 ? FULL : fault;
}

// As with Linux, each descriptor of a file that was open when a sync of it failed
// fails its next one: what it has written may be among what is gone.
#define DESCRIPTORS 65536
// Failed syncs that a descriptor knows of, and 1; 0 before it is used.
static uint32_t known[DESCRIPTORS];

// Failed syncs of a file.
static uint32_t *failed_syncs(const char *name) {
  static struct {
    char name[NAME_MAX + 1];
    uint32_t failed;
  } files[64];
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    if (!files[i].name[0]) snprintf(files[i].name, sizeof files[i].name, "%s", name);
    if (strcmp(files[i].name, name) == 0) return &files[i].failed;
  }
  abort();
}

static void use(int fd, const char *name) {
  if (fd >= DESCRIPTORS) abort();
  if (known[fd] == 0) known[fd] = *failed_syncs(name) + 1;
}

static bool tells_old_failure(int fd, const char *name) {
  uint32_t now = *failed_syncs(name) + 1;
  bool tells = known[fd] != now;
  known[fd] = now;
  return tells;
}

// The name of a file in the folder; false for every other file.
static bool name_of(int fd, char name[PATH_MAX]) {
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return false;
  path[length] = 0;
  size_t prefix = strlen(folder);
  if (strncmp(path, folder, prefix) != 0) return false;
  if (path[prefix] == 0) {
    strcpy(name, "-shm");  // The folder itself holds no bytes.
    return true;
  }
  if (path[prefix] != '/') return false;
  strcpy(name, path + prefix + 1);
  return true;
}

static void find(void) {
  if (real_write) return;
  real_pwrite = (ssize_t(*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite64");
  real_fsync = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  real_fdatasync = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  real_ftruncate = (int (*)(int, off_t))dlsym(RTLD_NEXT, "ftruncate64");
  real_unlink = (int (*)(const char *))dlsym(RTLD_NEXT, "unlink");
  real_close = (int (*)(int))dlsym(RTLD_NEXT, "close");
  real_write = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
}

__attribute__((constructor)) static void begin(void) {
  find();
  const char *file = getenv("FAULTS_CONTROL");
  const char *below = getenv("FAULTS_FOLDER");
  undo_folder = getenv("FAULTS_UNDO");
  if (!file || !below || !undo_folder || strlen(below) >= sizeof folder) abort();
  int fd = open(file, O_RDWR | O_CLOEXEC);
  if (fd < 0) give_up(file);
  void *shared = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (shared == MAP_FAILED) give_up(file);
  close(fd);
  control = shared;
  strcpy(folder, below);
  DIR *left = opendir(undo_folder);
  if (!left) give_up(undo_folder);
  for (struct dirent *entry; (entry = readdir(left));)
    if (entry->d_name[0] != '.') undo(entry->d_name);
  closedir(left);
}

static ssize_t put(int fd, const char *name, const void *bytes, size_t size, off_t offset) {
  use(fd, name);
  uint32_t fault = meets(WRITE);
  if (fault == IO || fault == FULL) {
    errno = fault == IO ? EIO : ENOSPC;
    return -1;
  }
  if (fault == TORN || fault == KILL) size = (size + 1) / 2;
  remember(fd, name, (uint64_t)offset, size);
  ssize_t written = real_pwrite(fd, bytes, size, offset);
  if (fault == KILL) kill(getpid(), SIGKILL);
  return written;
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off_t offset) {
  char name[PATH_MAX];
  find();
  if (!control || !name_of(fd, name)) return real_pwrite(fd, bytes, size, offset);
  pthread_mutex_lock(&turn);
  ssize_t written = put(fd, name, bytes, size, offset);
  int why = errno;
  pthread_mutex_unlock(&turn);
  errno = why;
  return written;
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset) {
  return pwrite64(fd, bytes, size, offset);
}

ssize_t write(int fd, const void *bytes, size_t size) {
  char name[PATH_MAX];
  find();
  if (!control || !name_of(fd, name)) return real_write(fd, bytes, size);
  pthread_mutex_lock(&turn);
  bool appends = fcntl(fd, F_GETFL) & O_APPEND;
  off_t offset = lseek(fd, 0, appends ? SEEK_END : SEEK_CUR);
  ssize_t written = put(fd, name, bytes, size, offset);
  int why = errno;
  if (written > 0) lseek(fd, offset + written, SEEK_SET);
  pthread_mutex_unlock(&turn);
  errno = why;
  return written;
}

int ftruncate64(int fd, off_t size) {
  char name[PATH_MAX];
  find();
  if (!control || !name_of(fd, name)) return real_ftruncate(fd, size);
  pthread_mutex_lock(&turn);
  uint32_t fault = meets(WRITE);
  int outcome = -1;
  int why = fault == IO ? EIO : ENOSPC;
  if (fault == KILL) kill(getpid(), SIGKILL);
  if (fault == NONE) {
    remember(fd, name, (uint64_t)size, UINT64_MAX);
    outcome = real_ftruncate(fd, size);
    why = errno;
  }
  pthread_mutex_unlock(&turn);
  errno = why;
  return outcome;
}

int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

static int sync_with(int (*sync)(int), int fd) {
  char name[PATH_MAX];
  if (!control || !name_of(fd, name)) return sync(fd);
  pthread_mutex_lock(&turn);
  use(fd, name);
  uint32_t fault = meets(SYNCING);
  int outcome = -1;
  int why = EIO;
  if (fault == KILL) kill(getpid(), SIGKILL);
  if (fault != NONE) {
    // What the kernel could not write it gives up.
    undo(name);
    ++*failed_syncs(name);
    tells_old_failure(fd, name);
  } else if (!tells_old_failure(fd, name)) {
    outcome = sync(fd);
    why = errno;
    if (outcome == 0) forget(name);
  }
  pthread_mutex_unlock(&turn);
  errno = why;
  return outcome;
}

int fsync(int fd) {
  find();
  return sync_with(real_fsync, fd);
}

int fdatasync(int fd) {
  find();
  return sync_with(real_fdatasync, fd);
}

int close(int fd) {
  find();
  if (fd >= 0 && fd < DESCRIPTORS) known[fd] = 0;
  return real_close(fd);
}

// A file that is gone has nothing to undo.
int unlink(const char *path) {
  find();
  size_t prefix = strlen(folder);
  if (control && strncmp(path, folder, prefix) == 0 && path[prefix] == '/') {
    pthread_mutex_lock(&turn);
    forget(path + prefix + 1);
    pthread_mutex_unlock(&turn);
  }
  return real_unlink(path);
}
