/* The host whose language is Python; main.c makes the only one. */
#ifndef GN_PY_PY_HOST_H
#define GN_PY_PY_HOST_H

#include "host/host.h"

/* argv and start_dir are borrowed and must outlive the host. */
struct gn_host *gn_host_python(int argc, char **argv, const char *start_dir);

#endif
