/* The WSGI environ of a request: a copy of the listener's prepared dict plus what the request says.
 */
#include "py/py.h"

#include <string.h>

#include "config/frozen.h"
#include "http/response.h"
#include "net/tls.h"
#include "worker/conn.h"

/* Interned keys of the names that the parser recognizes; -1: handled apart. */
static const int16_t known_keys[GN_KNOWN_COUNT] = {
    [GN_KNOWN_NONE] = -1,
    [GN_KNOWN_HOST] = GN_PY_S_HTTP_HOST,
    [GN_KNOWN_CONTENT_LENGTH] = GN_PY_S_CONTENT_LENGTH,
    [GN_KNOWN_CONTENT_TYPE] = GN_PY_S_CONTENT_TYPE,
    [GN_KNOWN_TRANSFER_ENCODING] = GN_PY_S_HTTP_TRANSFER_ENCODING,
    [GN_KNOWN_CONNECTION] = GN_PY_S_HTTP_CONNECTION,
    [GN_KNOWN_EXPECT] = GN_PY_S_HTTP_EXPECT,
    [GN_KNOWN_UPGRADE] = GN_PY_S_HTTP_UPGRADE,
    [GN_KNOWN_COOKIE] = GN_PY_S_HTTP_COOKIE,
    [GN_KNOWN_AUTHORIZATION] = GN_PY_S_HTTP_AUTHORIZATION,
    [GN_KNOWN_USER_AGENT] = GN_PY_S_HTTP_USER_AGENT,
    [GN_KNOWN_REFERER] = GN_PY_S_HTTP_REFERER,
    [GN_KNOWN_ACCEPT] = GN_PY_S_HTTP_ACCEPT,
    [GN_KNOWN_ACCEPT_ENCODING] = GN_PY_S_HTTP_ACCEPT_ENCODING,
    [GN_KNOWN_ACCEPT_LANGUAGE] = GN_PY_S_HTTP_ACCEPT_LANGUAGE,
};

static PyObject *
latin1(struct gn_slice s)
{
    return PyUnicode_DecodeLatin1(s.n > 0 ? s.p : "", (Py_ssize_t)s.n, NULL);
}

/* dict[key] = value; steals `value`. */
static bool
put(PyObject *dict, PyObject *key, PyObject *value)
{
    bool ok = value != NULL && PyDict_SetItem(dict, key, value) == 0;

    Py_XDECREF(value);
    return ok;
}

/* ---- the prepared dict ---- */

static PyObject *
script_name_variable(struct gn_py *h)
{
    PyObject *os = PyImport_ImportModule("os");
    PyObject *os_env = os != NULL ? PyObject_GetAttrString(os, "environ") : NULL;
    PyObject *value = NULL;

    if (os_env != NULL)
        value = PyObject_GetItem(os_env, gn_py_str(h, SCRIPT_NAME));
    PyErr_Clear();
    Py_XDECREF(os);
    Py_XDECREF(os_env);
    if (value == NULL) {
        value = gn_py_str(h, EMPTY);
        Py_INCREF(value);
    }
    return value;
}

static bool
fill_constants(struct gn_py *h, PyObject *d)
{
    const struct gn_cfg *cfg = &h->worker->frozen->cfg;
    bool has_threads = h->worker->ops->has_threads;

    return put(d, gn_py_str(h, WSGI_ERRORS), gn_py_errors_new_gil(h)) &&
           put(d, gn_py_str(h, WSGI_VERSION), Py_BuildValue("(ii)", 1, 0)) &&
           put(d, gn_py_str(h, WSGI_MULTITHREAD), PyBool_FromLong(has_threads)) &&
           put(d, gn_py_str(h, WSGI_MULTIPROCESS), PyBool_FromLong(cfg->workers > 1)) &&
           put(d, gn_py_str(h, WSGI_RUN_ONCE), PyBool_FromLong(0)) &&
           PyDict_SetItem(d, gn_py_str(h, WSGI_FILE_WRAPPER), (PyObject *)h->file_type) == 0 &&
           put(d, gn_py_str(h, WSGI_INPUT_TERMINATED), PyBool_FromLong(1)) &&
           put(d, gn_py_str(h, SERVER_SOFTWARE), gn_py_server_software_gil());
}

/* Every key of every request has its place already, so that a copy has room and setting a value
 * moves nothing. */
static bool
fill_places(struct gn_py *h, PyObject *d, const struct gn_listener *l)
{
    static const enum gn_py_intern places[] = {
        GN_PY_S_WSGI_INPUT,      GN_PY_S_GUNICORN_SOCKET, GN_PY_S_WSGI_EARLY_HINTS,
        GN_PY_S_REQUEST_METHOD,  GN_PY_S_QUERY_STRING,    GN_PY_S_RAW_URI,
        GN_PY_S_SERVER_PROTOCOL, GN_PY_S_REMOTE_ADDR,     GN_PY_S_PATH_INFO,
        GN_PY_S_HTTP_HOST,
    };
    PyObject *empty = gn_py_str(h, EMPTY);

    for (size_t i = 0; i < GN_ARRAY_LEN(places); i++) {
        if (PyDict_SetItem(d, h->intern[places[i]], empty) < 0)
            return false;
    }
    /* What most requests say is there already. */
    if (PyDict_SetItem(d, gn_py_str(h, REQUEST_METHOD), gn_py_str(h, GET)) < 0 ||
        PyDict_SetItem(d, gn_py_str(h, SERVER_PROTOCOL), gn_py_str(h, HTTP_1_1)) < 0)
        return false;
    if (l->addr.kind != GN_ADDR_UNIX && PyDict_SetItem(d, gn_py_str(h, REMOTE_PORT), empty) < 0)
        return false;
    return PyDict_SetItem(d, gn_py_str(h, WSGI_URL_SCHEME), gn_py_str(h, HTTP)) == 0 &&
           put(d, gn_py_str(h, SERVER_NAME), PyUnicode_FromString(l->server_name)) &&
           put(d, gn_py_str(h, SERVER_PORT), PyUnicode_FromString(l->server_port)) &&
           put(d, gn_py_str(h, SCRIPT_NAME), script_name_variable(h));
}

static PyObject *
find_base(const struct gn_py *h, const struct gn_listener *l)
{
    for (size_t i = 0; i < h->n_bases; i++) {
        if (h->bases[i].listener == l)
            return h->bases[i].environ;
    }
    return NULL;
}

/* The prepared dict of a listener; borrowed. */
static PyObject *
base_of(struct gn_py *h, const struct gn_listener *l)
{
    PyObject *d = find_base(h, l), *other;
    struct gn_py_base *bases;

    if (d != NULL)
        return d;
    d = PyDict_New();
    if (d == NULL || !fill_constants(h, d) || !fill_places(h, d, l)) {
        Py_XDECREF(d);
        return NULL;
    }
    /* Filling has run Python code: another thread may have been here meanwhile. */
    other = find_base(h, l);
    if (other != NULL) {
        Py_DECREF(d);
        return other;
    }
    bases = PyMem_Realloc(h->bases, (h->n_bases + 1) * sizeof(*bases));
    if (bases == NULL) {
        Py_DECREF(d);
        return PyErr_NoMemory();
    }
    h->bases = bases;
    h->bases[h->n_bases++] = (struct gn_py_base){.listener = l, .environ = d};
    return d;
}

/* ---- header fields ---- */

/* "X-Forwarded-For" -> "HTTP_X_FORWARDED_FOR". New reference. */
static PyObject *
make_key(struct gn_slice name)
{
    char stack[128];
    char *text = name.n + 5 <= sizeof(stack) ? stack : PyMem_Malloc(name.n + 5);
    PyObject *key;

    if (text == NULL)
        return PyErr_NoMemory();
    memcpy(text, "HTTP_", 5);
    for (size_t i = 0; i < name.n; i++) {
        unsigned char c = gn_ascii_upper((unsigned char)name.p[i]);

        text[5 + i] = c == '-' ? '_' : (char)c;
    }
    key = PyUnicode_DecodeLatin1(text, (Py_ssize_t)name.n + 5, NULL);
    if (text != stack)
        PyMem_Free(text);
    return key;
}

/* The same through the cache. Borrowed from it when `*owned` is NULL, else new and to be released.
 */
static PyObject *
field_key(struct gn_py *h, struct gn_slice name, PyObject **owned)
{
    uint32_t hash = 2166136261u;
    struct gn_py_name *slot;

    *owned = NULL;
    if (name.n > GN_PY_NAME_BYTES)
        return *owned = make_key(name);
    for (size_t i = 0; i < name.n; i++)
        hash = (hash ^ (unsigned char)name.p[i]) * 16777619u;
    slot = &h->names[(hash ^ (hash >> 15)) % GN_PY_NAME_CACHE];
    if (slot->key == NULL || slot->n != name.n || memcmp(slot->name, name.p, name.n) != 0) {
        PyObject *key = make_key(name);

        if (key == NULL)
            return NULL;
        (void)PyObject_Hash(key); /* computed once, kept in the object */
        Py_XSETREF(slot->key, key);
        slot->n = (uint8_t)name.n;
        memcpy(slot->name, name.p, name.n);
    }
    return slot->key;
}

/* A repeated field: values joined with a comma (RFC 9110 5.3), cookies with "; " (RFC 9113 8.2.3).
 */
static bool
join(struct gn_py *h, PyObject *d, PyObject *key, PyObject *old, PyObject *value)
{
    PyObject *separator =
        key == gn_py_str(h, HTTP_COOKIE) ? gn_py_str(h, COOKIE_SEPARATOR) : gn_py_str(h, COMMA);
    PyObject *left = PyUnicode_Concat(old, separator);
    PyObject *all = left != NULL ? PyUnicode_Concat(left, value) : NULL;

    Py_XDECREF(left);
    return put(d, key, all);
}

static bool
put_field(struct gn_py *h, PyObject *d, const struct gn_http_field *f)
{
    PyObject *value, *key, *owned = NULL, *present;
    bool ok = false;

    value = latin1(f->value);
    if (value == NULL)
        return false;
    key =
        f->known != GN_KNOWN_NONE ? h->intern[known_keys[f->known]] : field_key(h, f->name, &owned);
    if (key != NULL) {
        Py_ssize_t before = PyDict_GET_SIZE(d);

        present = PyDict_SetDefault(d, key, value); /* borrowed */
        ok = present != NULL && (PyDict_GET_SIZE(d) > before || join(h, d, key, present, value));
    }
    Py_XDECREF(owned);
    Py_DECREF(value);
    return ok;
}

static bool
put_fields(struct gn_py *h, PyObject *d, const struct gn_http_head *head)
{
    bool has_host = false;

    for (size_t i = 0; i < head->n_fields; i++) {
        const struct gn_http_field *f = &head->fields[i];

        if (f->flags & GN_FIELD_DROP)
            continue;
        if (f->known == GN_KNOWN_HOST) {
            has_host = true;
            if (!put(d, gn_py_str(h, HTTP_HOST), latin1(f->value)))
                return false;
        } else if (!put_field(h, d, f)) {
            return false;
        }
    }
    /* RFC 9112 3.2.2: the authority of an absolute-form target replaces Host. */
    if (head->form == GN_FORM_ABSOLUTE && head->authority.n > 0)
        return put(d, gn_py_str(h, HTTP_HOST), latin1(head->authority));
    return has_host || PyDict_DelItem(d, gn_py_str(h, HTTP_HOST)) == 0;
}

/* ---- request line and peer ---- */

static PyObject *
method_object(struct gn_py *h, struct gn_slice m)
{
    static const struct {
        struct gn_slice text;
        enum gn_py_intern id;
    } methods[] = {
        {{"POST", 4}, GN_PY_S_POST},       {{"HEAD", 4}, GN_PY_S_HEAD},
        {{"PUT", 3}, GN_PY_S_PUT},         {{"DELETE", 6}, GN_PY_S_DELETE},
        {{"OPTIONS", 7}, GN_PY_S_OPTIONS}, {{"PATCH", 5}, GN_PY_S_PATCH},
    };

    for (size_t i = 0; i < GN_ARRAY_LEN(methods); i++) {
        if (gn_slice_eq(m, methods[i].text)) {
            Py_INCREF(h->intern[methods[i].id]);
            return h->intern[methods[i].id];
        }
    }
    return latin1(m);
}

static PyObject *
protocol_object(struct gn_py *h, const struct gn_http_head *head)
{
    PyObject *o;

    if (gn_slice_eq(head->version, GN_SLICE("HTTP/1.0")))
        o = gn_py_str(h, HTTP_1_0);
    else
        return latin1(head->version);
    Py_INCREF(o);
    return o;
}

/* Most requests come from the same few addresses (a proxy's): the last text is kept. */
static PyObject *
peer_object(struct gn_py *h, const struct gn_conn *c)
{
    const char *text = gn_conn_remote_text(c);
    size_t n = strlen(text);

    if (h->peer_object == NULL || strcmp(h->peer_text, text) != 0) {
        if (n >= sizeof(h->peer_text))
            return latin1(gn_slice(text, n));
        Py_XSETREF(h->peer_object, latin1(gn_slice(text, n)));
        memcpy(h->peer_text, text, n + 1);
    }
    Py_XINCREF(h->peer_object);
    return h->peer_object;
}

static PyObject *
port_object(int port)
{
    char text[8];
    char *p = text + sizeof(text);

    do {
        *--p = (char)('0' + port % 10);
        port /= 10;
    } while (port > 0);
    return PyUnicode_DecodeLatin1(p, text + sizeof(text) - p, NULL);
}

/* Percent-decoded, as latin-1 of the raw bytes (PEP 3333, "Unicode Issues"). */
static PyObject *
unquoted(struct gn_slice path)
{
    char stack[1024];
    char *text;
    PyObject *o;
    size_t n;

    if (memchr(path.p, '%', path.n) == NULL)
        return latin1(path);
    text = path.n <= sizeof(stack) ? stack : PyMem_Malloc(path.n);
    if (text == NULL)
        return PyErr_NoMemory();
    n = gn_http_unquote(path, text);
    o = latin1(gn_slice(text, n));
    if (text != stack)
        PyMem_Free(text);
    return o;
}

static bool
script_error(struct gn_http_error *error, struct gn_slice script)
{
    error->id = GN_HTTP_E_CONFIGURATION_PROBLEM;
    snprintf(error->message, sizeof(error->message),
             "Request path does not start with SCRIPT_NAME '%.*s'",
             script.n < 80 ? (int)script.n : 80, script.p);
    for (char *p = error->message; *p != '\0'; p++) {
        if ((unsigned char)*p < ' ' || (unsigned char)*p > '~')
            *p = '?';
    }
    return false;
}

/* SCRIPT_NAME of a trusted proxy or of the environment variable is cut from the path at a segment's
 * end. */
static bool
put_path(struct gn_py *h, PyObject *d, struct gn_conn *c, struct gn_http_error *error)
{
    struct gn_slice path = c->parser.head.path;
    struct gn_slice script = c->trust.script_name;
    Py_ssize_t n;

    if (script.p != NULL) {
        if (!put(d, gn_py_str(h, SCRIPT_NAME), latin1(script)))
            return false;
    } else {
        PyObject *variable = PyDict_GetItemWithError(d, gn_py_str(h, SCRIPT_NAME)); /* borrowed */
        const char *p = variable != NULL ? PyUnicode_AsUTF8AndSize(variable, &n) : NULL;

        if (p == NULL)
            return false;
        script = gn_slice(p, (size_t)n);
    }
    if (script.n > 0) {
        if (script.p[script.n - 1] == '/')
            script.n--;
        if (!gn_slice_starts(path, script) || (path.n > script.n && path.p[script.n] != '/'))
            return script_error(error, script);
        path.p += script.n;
        path.n -= script.n;
    }
    return put(d, gn_py_str(h, PATH_INFO), unquoted(path));
}

/* On a Unix socket nothing but Host tells the server's name. */
static bool
put_server_from_host(struct gn_py *h, PyObject *d, const struct gn_conn *c)
{
    struct gn_slice host = c->parser.head.host, port = {NULL, 0};
    size_t colon;

    if (c->parser.head.form == GN_FORM_ABSOLUTE && c->parser.head.authority.n > 0)
        host = c->parser.head.authority;
    if (host.p == NULL || host.n == 0)
        return true;
    if (host.p[0] == '[') {
        size_t end = gn_slice_find(host, ']');

        colon = end + 1 < host.n && host.p[end + 1] == ':' ? end + 1 : host.n;
    } else {
        colon = gn_slice_find(host, ':');
    }
    if (colon < host.n)
        port = gn_slice(host.p + colon + 1, host.n - colon - 1);
    if (port.n == 0)
        port = c->trust.is_https ? GN_SLICE("443") : GN_SLICE("80");
    return put(d, gn_py_str(h, SERVER_NAME), latin1(gn_slice(host.p, colon))) &&
           put(d, gn_py_str(h, SERVER_PORT), latin1(port));
}

/* What a PROXY header has announced; REMOTE_PORT is there on Unix sockets as well then. */
static bool
put_proxy(struct gn_py *h, PyObject *d, const struct gn_proxy *p)
{
    struct gn_slice to = gn_slice_str(p->destination.text);

    return put(d, gn_py_str(h, PROXY_PROTOCOL), latin1(gn_slice_str(gn_proxy_family_name(p)))) &&
           put(d, gn_py_str(h, REMOTE_PORT), port_object(p->source.port)) &&
           put(d, gn_py_str(h, PROXY_ADDR), latin1(to)) &&
           put(d, gn_py_str(h, PROXY_PORT), port_object(p->destination.port));
}

static bool
put_peer(struct gn_py *h, PyObject *d, const struct gn_conn *c)
{
    if (!put(d, gn_py_str(h, REMOTE_ADDR), peer_object(h, c)))
        return false;
    if (c->proxy.has_addresses && !put_proxy(h, d, &c->proxy))
        return false;
    if (c->listener->addr.kind == GN_ADDR_UNIX)
        return put_server_from_host(h, d, c);
    return c->proxy.has_addresses || put(d, gn_py_str(h, REMOTE_PORT), port_object(c->peer_port));
}

/* ---- TLS ---- */

static bool
put_fact(void *ctx, const char *name, struct gn_slice value)
{
    PyObject *key = PyUnicode_FromString(name);
    bool ok = key != NULL && put(ctx, key, latin1(value));

    Py_XDECREF(key);
    return ok;
}

/* HTTPS=on is what CGI programs look for; it is about this connection, not about what a proxy says.
 */
static bool
put_tls(PyObject *d, const struct gn_conn *c)
{
    return c->tls == NULL ||
           (put_fact(d, "HTTPS", GN_SLICE("on")) && gn_tls_facts(c->tls, put_fact, d));
}

static bool
fill(struct gn_py *h, PyObject *d, struct gn_conn *c, struct gn_http_error *error)
{
    const struct gn_http_head *head = &c->parser.head;

    if (c->trust.is_https &&
        PyDict_SetItem(d, gn_py_str(h, WSGI_URL_SCHEME), gn_py_str(h, HTTPS)) < 0)
        return false;
    if (!gn_slice_eq(head->method, GN_SLICE("GET")) &&
        !put(d, gn_py_str(h, REQUEST_METHOD), method_object(h, head->method)))
        return false;
    if (head->query.n > 0 && !put(d, gn_py_str(h, QUERY_STRING), latin1(head->query)))
        return false;
    if (!gn_slice_eq(head->version, GN_SLICE("HTTP/1.1")) &&
        !put(d, gn_py_str(h, SERVER_PROTOCOL), protocol_object(h, head)))
        return false;
    return put(d, gn_py_str(h, RAW_URI), latin1(head->target)) && put_peer(h, d, c) &&
           put_tls(d, c) && put_fields(h, d, head) && put_path(h, d, c, error);
}

PyObject *
gn_py_environ_gil(struct gn_py *h, struct gn_conn *c, PyObject *input, PyObject *sock,
                  struct gn_http_error *error)
{
    PyObject *base = base_of(h, c->listener);
    PyObject *d = base != NULL ? PyDict_Copy(base) : NULL;

    if (d == NULL)
        return NULL;
    if (PyDict_SetItem(d, gn_py_str(h, WSGI_INPUT), input) < 0 ||
        PyDict_SetItem(d, gn_py_str(h, GUNICORN_SOCKET), sock) < 0 || !fill(h, d, c, error)) {
        Py_DECREF(d);
        return NULL;
    }
    return d;
}
