/* Descriptors: close-on-exec, non-blocking, EINTR. The only place that retries after EINTR.
 *
 * Functions return -1 with errno set, as the system calls do (the one exception to struct gn_err).
 */
#ifndef GN_BASE_FD_H
#define GN_BASE_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

int gn_fd_set_nonblock(int fd, bool on);
int gn_fd_set_cloexec(int fd, bool on);

/* A pipe, both ends non-blocking and close-on-exec. */
int gn_fd_pipe(int out[2]);

ssize_t gn_fd_read(int fd, void *p, size_t n);
ssize_t gn_fd_write(int fd, const void *p, size_t n);

/* Writes all or fails; for regular files and blocking descriptors. */
int gn_fd_write_all(int fd, const void *p, size_t n);

/* Reads and throws away what is in a non-blocking descriptor (self-pipes). */
void gn_fd_drain(int fd);

/* Closes and sets *fd to -1; does nothing when it is negative. */
void gn_fd_close(int *fd);

/* A whole regular file into malloc'ed memory with a NUL behind it; NULL with errno set. EFBIG above
 * `max`. */
char *gn_fd_read_file(const char *path, size_t max, size_t *n);

/* The same, and pipes and character devices too, read to their end: what a shell puts in the place
 * of a file. Nobody waits for a pipe to be opened (ENODATA), for a terminal (EAGAIN), or longer
 * than `timeout_ns` for a writer (ETIMEDOUT). */
char *gn_fd_read_stream(const char *path, size_t max, int64_t timeout_ns, size_t *n);

#endif
