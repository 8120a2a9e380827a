/* Bind addresses as text: parsing, printing, comparing. Nothing is resolved.
 *
 * Forms: HOST, HOST:PORT, :PORT, [V6]:PORT, unix:PATH, unix:///PATH, unix:@NAME, fd://N, each of
 * the first four also after "tcp://". The port defaults to 8000. A path may be followed by options
 * for its file: "?mode=660&user=www-data&group=www-data". Pure functions, but for
 * gn_addr_file_owner; the struct owns its text.
 */
#ifndef GN_BASE_ADDR_H
#define GN_BASE_ADDR_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

enum gn_addr_kind { GN_ADDR_INET, GN_ADDR_INET6, GN_ADDR_UNIX, GN_ADDR_FD };

enum { GN_ADDR_DEFAULT_PORT = 8000, GN_ADDR_PATH_BYTES = 108, GN_ADDR_NAME_BYTES = 33 };

struct gn_addr {
    enum gn_addr_kind kind;
    char host[256]; /* INET, INET6: host as written, lower case; "0.0.0.0" when none was given */
    int port;
    char path[GN_ADDR_PATH_BYTES]; /* UNIX; "@name" in the abstract namespace, where no file is */
    int mode;                      /* UNIX: permissions of the file, -1 when none were given */
    char user[GN_ADDR_NAME_BYTES]; /* UNIX: owner of the file, name or number; "" for none */
    char group[GN_ADDR_NAME_BYTES];
    int fd; /* FD */
};

/* Syntax and ranges only; resolves nothing. Messages name what is wrong ("port 99999 is out of
 * range"). */
bool gn_addr_parse(const char *text, struct gn_addr *out, struct gn_err *err) GN_MUST_CHECK;

/* The same with another default port. */
bool gn_addr_parse_port(const char *text, int default_port, struct gn_addr *out,
                        struct gn_err *err) GN_MUST_CHECK;

/* "http://127.0.0.1:8000", "http://[::1]:80", "unix:/path?mode=660", "fd://3"; scheme "http" or
 * "https". */
bool gn_addr_print(const struct gn_addr *a, const char *scheme, struct gn_buf *out);

/* The same place; options of a path don't count. */
bool gn_addr_equal(const struct gn_addr *a, const struct gn_addr *b);

bool gn_addr_is_abstract(const struct gn_addr *a);

/* Looks up the accounts of `user` and `group`. What wasn't given leaves *uid or *gid as it is. */
bool gn_addr_file_owner(const struct gn_addr *a, uid_t *uid, gid_t *gid,
                        struct gn_err *err) GN_MUST_CHECK;

#endif
