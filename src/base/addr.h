/* Bind addresses as text: parsing, printing, comparing. Nothing is resolved.
 *
 * Forms: HOST, HOST:PORT, :PORT, [V6]:PORT, unix:PATH, unix:///PATH, fd://N, each of the first four
 * also after "tcp://". The port defaults to 8000. Pure functions; the struct owns its text.
 */
#ifndef GN_BASE_ADDR_H
#define GN_BASE_ADDR_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

enum gn_addr_kind { GN_ADDR_INET, GN_ADDR_INET6, GN_ADDR_UNIX, GN_ADDR_FD };

enum { GN_ADDR_DEFAULT_PORT = 8000, GN_ADDR_PATH_BYTES = 108 };

struct gn_addr {
    enum gn_addr_kind kind;
    char host[256]; /* INET, INET6: host as written, lower case; "0.0.0.0" when none was given */
    int port;
    char path[GN_ADDR_PATH_BYTES]; /* UNIX */
    int fd;                        /* FD */
};

/* Syntax and ranges only; resolves nothing. Messages name what is wrong ("port 99999 is out of
 * range"). */
bool gn_addr_parse(const char *text, struct gn_addr *out, struct gn_err *err) GN_MUST_CHECK;

/* The same with another default port. */
bool gn_addr_parse_port(const char *text, int default_port, struct gn_addr *out,
                        struct gn_err *err) GN_MUST_CHECK;

/* "http://127.0.0.1:8000", "http://[::1]:80", "unix:/path", "fd://3"; scheme "http" or "https". */
bool gn_addr_print(const struct gn_addr *a, const char *scheme, struct gn_buf *out);

bool gn_addr_equal(const struct gn_addr *a, const struct gn_addr *b);

#endif
