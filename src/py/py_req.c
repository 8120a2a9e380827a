/* A request and its response as hooks see them, in pre_request and post_request.
 *
 * Both borrow the connection until the request has ended; who keeps one longer keeps the values.
 * They are made only when a hook will see them.
 */
#include "py/py_view.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "http/response.h"
#include "worker/conn.h"

/* ---- values that are made when they are asked for ---- */

enum { MAX_VALUES = 20 };

struct lazy {
    struct gn_py_view view;
    struct gn_conn *c;   /* NULL when the request has ended */
    PyObject *req;       /* of a response: its request; else NULL */
    unsigned set;        /* bits of the values that a hook has given */
    Py_ssize_t n_fields; /* of the headers as received; -1 while nobody has asked for them */
    PyObject *values[MAX_VALUES];
};

typedef PyObject *make_value(struct lazy *o, size_t which);

static PyObject *
value_of(struct lazy *o, size_t which, make_value *make)
{
    if (o->values[which] == NULL && o->c == NULL)
        return PyErr_Format(PyExc_RuntimeError, "the request has ended");
    if (o->values[which] == NULL)
        o->values[which] = make(o, which);
    Py_XINCREF(o->values[which]);
    return o->values[which];
}

static int
set_value(struct lazy *o, size_t which, PyObject *value)
{
    if (value == NULL) {
        PyErr_SetString(PyExc_AttributeError, "this attribute can't be deleted");
        return -1;
    }
    Py_INCREF(value);
    Py_XSETREF(o->values[which], value);
    o->set |= 1U << which;
    return 0;
}

/* Drops the connection; somebody who goes on holding the object finds all values there. */
static void
leave(PyObject *self, size_t n, make_value *make)
{
    struct lazy *o = (struct lazy *)self;

    for (size_t i = 0; Py_REFCNT(self) > 1 && i < n; i++)
        Py_XDECREF(value_of(o, i, make));
    PyErr_Clear();
    o->c = NULL;
}

static int
lazy_traverse(PyObject *self, visitproc visit, void *arg)
{
    struct lazy *o = (struct lazy *)self;

    for (size_t i = 0; i < MAX_VALUES; i++)
        Py_VISIT(o->values[i]);
    Py_VISIT(o->req);
    return gn_py_view_traverse(self, visit, arg);
}

static int
lazy_clear(PyObject *self)
{
    struct lazy *o = (struct lazy *)self;

    for (size_t i = 0; i < MAX_VALUES; i++)
        Py_CLEAR(o->values[i]);
    Py_CLEAR(o->req);
    return gn_py_view_clear(self);
}

static PyObject *
latin1(struct gn_slice s)
{
    return PyUnicode_DecodeLatin1(s.n > 0 ? s.p : "", (Py_ssize_t)s.n, NULL);
}

static PyObject *
pair(struct gn_slice name, struct gn_slice value, bool is_upper)
{
    PyObject *n = latin1(name), *v = latin1(value), *upper = NULL, *result = NULL;

    if (n != NULL && is_upper) {
        upper = PyObject_CallMethod(n, "upper", NULL);
        Py_SETREF(n, upper);
    }
    if (n != NULL && v != NULL)
        result = PyTuple_Pack(2, n, v);
    Py_XDECREF(n);
    Py_XDECREF(v);
    return result;
}

/* Appends and drops `item`. */
static bool
append(PyObject *list, PyObject *item)
{
    bool ok = item != NULL && PyList_Append(list, item) == 0;

    Py_XDECREF(item);
    return ok;
}

/* ---- the request ---- */

enum request_value {
    REQ_METHOD,
    REQ_URI,
    REQ_PATH,
    REQ_QUERY,
    REQ_SCHEME,
    REQ_HEADERS,
    REQ_FRAGMENT,
    REQ_VERSION,
    REQ_TRAILERS,
    REQ_BODY,
    REQ_PEER_ADDR,
    REQ_REMOTE_ADDR,
    REQ_PROXY_INFO,
    REQ_NUMBER,
    REQ_SHOULD_CLOSE,
    REQ_COUNT
};

static PyObject *
make_headers(struct lazy *o)
{
    const struct gn_http_head *head = &o->c->parser.head;
    PyObject *list = PyList_New(0);

    for (size_t i = 0; list != NULL && i < head->n_fields; i++) {
        const struct gn_http_field *f = &head->fields[i];

        if (!(f->flags & GN_FIELD_DROP) && !append(list, pair(f->name, f->value, true)))
            Py_CLEAR(list);
    }
    if (list != NULL)
        o->n_fields = PyList_GET_SIZE(list);
    return list;
}

/* As accept() gives it: (host, port), two more for IPv6, an empty text for a Unix socket. */
static PyObject *
peer_address(const struct gn_conn *c)
{
    const struct sockaddr_in6 *six = (const void *)&c->peer;

    if (c->peer.ss_family == AF_INET6)
        return Py_BuildValue("(siII)", c->peer_text, c->peer_port, ntohl(six->sin6_flowinfo),
                             six->sin6_scope_id);
    if (c->peer.ss_family == AF_INET)
        return Py_BuildValue("(si)", c->peer_text, c->peer_port);
    return PyUnicode_FromString("");
}

static PyObject *
remote_address(const struct gn_conn *c)
{
    if (c->proxy.has_addresses)
        return Py_BuildValue("(si)", c->proxy.source.text, c->proxy.source.port);
    return peer_address(c);
}

static PyObject *
proxy_info(const struct gn_conn *c)
{
    const struct gn_proxy *p = &c->proxy;

    if (!p->has_addresses)
        Py_RETURN_NONE;
    return Py_BuildValue("{s:s,s:s,s:i,s:s,s:i}", "proxy_protocol", gn_proxy_family_name(p),
                         "client_addr", p->source.text, "client_port", p->source.port, "proxy_addr",
                         p->destination.text, "proxy_port", p->destination.port);
}

static PyObject *
make_request_value(struct lazy *o, size_t which)
{
    struct gn_conn *c = o->c;
    const struct gn_http_head *head = &c->parser.head;

    switch ((enum request_value)which) {
    case REQ_METHOD:
        return latin1(head->method);
    case REQ_URI:
        return latin1(head->target);
    case REQ_PATH:
        return latin1(head->path);
    case REQ_QUERY:
        return latin1(head->query);
    case REQ_SCHEME:
        return PyUnicode_FromString(c->trust.is_https ? "https" : "http");
    case REQ_HEADERS:
        return make_headers(o);
    case REQ_FRAGMENT:
        return latin1(head->fragment);
    case REQ_VERSION:
        return Py_BuildValue("(ii)", head->major, head->minor);
    case REQ_TRAILERS:
        return PyList_New(0);
    case REQ_BODY:
        return gn_py_input_new_gil(o->view.h, c);
    case REQ_PEER_ADDR:
        return peer_address(c);
    case REQ_REMOTE_ADDR:
        return remote_address(c);
    case REQ_PROXY_INFO:
        return proxy_info(c);
    case REQ_NUMBER:
        return PyLong_FromUnsignedLong(c->n_requests);
    case REQ_SHOULD_CLOSE:
        return PyBool_FromLong(head->wants_close);
    case REQ_COUNT:
        break;
    }
    Py_RETURN_NONE;
}

static PyObject *
get_cfg(PyObject *self, void *closure)
{
    struct gn_py *h = ((struct gn_py_view *)self)->h;

    (void)closure;
    return gn_py_config_gil(h, h->worker->frozen);
}

/* Closure: which value. */
static PyObject *
request_get(PyObject *self, void *closure)
{
    return value_of((struct lazy *)self, (size_t)closure, make_request_value);
}

static int
request_set(PyObject *self, PyObject *value, void *closure)
{
    return set_value((struct lazy *)self, (size_t)closure, value);
}

static PyObject *
request_should_close(PyObject *self, PyObject *unused)
{
    (void)unused;
    return value_of((struct lazy *)self, REQ_SHOULD_CLOSE, make_request_value);
}

static PyMethodDef request_methods[] = {
    {"should_close", request_should_close, METH_NOARGS,
     "True when the connection can't be used for another request."},
    {NULL, NULL, 0, NULL},
};

#define REQ(name, which, doc)                                                                      \
    {                                                                                              \
        name, request_get, request_set, doc, (void *)(size_t)(which)                               \
    }

static PyGetSetDef request_attributes[] = {
    REQ("method", REQ_METHOD, "GET, POST ..."),
    REQ("uri", REQ_URI, "The target as received."),
    REQ("path", REQ_PATH, "Its path, percent-encoded."),
    REQ("query", REQ_QUERY, "What follows the question mark."),
    REQ("fragment", REQ_FRAGMENT, "What follows the hash."),
    REQ("version", REQ_VERSION, "(1, 1) for HTTP/1.1."),
    REQ("headers", REQ_HEADERS, "A list of (NAME, value); names in upper case."),
    REQ("trailers", REQ_TRAILERS, "An empty list."),
    REQ("body", REQ_BODY, "The body, as a stream."),
    REQ("scheme", REQ_SCHEME, "http or https."),
    REQ("peer_addr", REQ_PEER_ADDR, "Who is connected."),
    REQ("remote_addr", REQ_REMOTE_ADDR, "The same, or whom a PROXY header has announced."),
    REQ("proxy_protocol_info", REQ_PROXY_INFO, "What that header said, or None."),
    REQ("must_close", REQ_SHOULD_CLOSE, "The client wants the connection to end."),
    {"cfg", get_cfg, NULL, "The settings.", NULL},
    REQ("req_number", REQ_NUMBER, "Counts the requests of the connection from 1."),
    GN_PY_VIEW_DICT,
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot request_slots[] = {
    {Py_tp_dealloc, gn_py_view_dealloc}, {Py_tp_traverse, lazy_traverse},
    {Py_tp_clear, lazy_clear},           {Py_tp_members, gn_py_view_members},
    {Py_tp_getset, request_attributes},  {Py_tp_methods, request_methods},
    {Py_tp_doc, (void *)"A request."},   {0, NULL},
};

PyType_Spec gn_py_request_spec = {
    .name = "gunicorn.http.message.Request",
    .basicsize = sizeof(struct lazy),
    .flags = GN_PY_VIEW_FLAGS,
    .slots = request_slots,
};

PyObject *
gn_py_request_new_gil(struct gn_py *h, struct gn_conn *c)
{
    struct lazy *o = gn_py_view_new_gil(h, h->request_type);

    if (o != NULL) {
        o->c = c;
        o->n_fields = -1;
    }
    return (PyObject *)o;
}

struct gn_conn *
gn_py_request_conn_gil(struct gn_py *h, PyObject *req)
{
    return Py_IS_TYPE(req, h->request_type) ? ((struct lazy *)req)->c : NULL;
}

void
gn_py_request_leave_gil(PyObject *req)
{
    struct lazy *o = (struct lazy *)req;

    leave(req, REQ_COUNT, make_request_value);
    if (o->values[REQ_BODY] != NULL && Py_IS_TYPE(o->values[REQ_BODY], o->view.h->input_type))
        gn_py_input_detach_gil(o->values[REQ_BODY]);
}

/* ---- what pre_request has changed ---- */

/* "X-ID" -> "HTTP_X_ID"; the two of the body have names of their own. New reference. */
static PyObject *
environ_key(PyObject *name)
{
    PyObject *upper = PyObject_CallMethod(name, "upper", NULL);
    PyObject *plain = upper != NULL ? PyObject_CallMethod(upper, "replace", "ss", "-", "_") : NULL;
    PyObject *key = plain;

    Py_XDECREF(upper);
    if (plain == NULL || PyUnicode_CompareWithASCIIString(plain, "CONTENT_TYPE") == 0 ||
        PyUnicode_CompareWithASCIIString(plain, "CONTENT_LENGTH") == 0)
        return plain;
    key = PyUnicode_FromFormat("HTTP_%U", plain);
    Py_DECREF(plain);
    return key;
}

static bool
put_pair(PyObject *environ, PyObject *item)
{
    PyObject *key, *old, *value;
    bool ok;

    if ((!PyTuple_Check(item) && !PyList_Check(item)) || PySequence_Fast_GET_SIZE(item) != 2 ||
        !PyUnicode_Check(PySequence_Fast_GET_ITEM(item, 0)) ||
        !PyUnicode_Check(PySequence_Fast_GET_ITEM(item, 1))) {
        PyErr_Format(PyExc_TypeError, "req.headers holds %R, not a pair of texts", item);
        return false;
    }
    key = environ_key(PySequence_Fast_GET_ITEM(item, 0));
    if (key == NULL)
        return false;
    old = PyDict_GetItemWithError(environ, key); /* borrowed */
    value = PySequence_Fast_GET_ITEM(item, 1);
    if (old != NULL) {
        value = PyUnicode_FromFormat("%U,%U", old, value);
    } else {
        Py_INCREF(value);
    }
    ok = value != NULL && PyDict_SetItem(environ, key, value) == 0;
    Py_DECREF(key);
    Py_XDECREF(value);
    return ok;
}

/* True when the list is the one that was received, item for item. */
static bool
is_as_received(struct lazy *o)
{
    PyObject *list = o->values[REQ_HEADERS], *fresh;
    bool same;

    if (list == NULL)
        return true;
    if ((o->set & (1U << REQ_HEADERS)) == 0 && PyList_GET_SIZE(list) != o->n_fields)
        return false;
    fresh = make_headers(o);
    same = fresh != NULL && PyObject_RichCompareBool(list, fresh, Py_EQ) == 1;
    Py_XDECREF(fresh);
    PyErr_Clear();
    return same;
}

/* All fields of the environ anew, from the list. */
static bool
replace_fields(struct lazy *o, PyObject *environ)
{
    PyObject *keys = PyDict_Keys(environ);
    PyObject *list = PySequence_List(o->values[REQ_HEADERS]);
    bool ok = keys != NULL && list != NULL;

    for (Py_ssize_t i = 0; ok && i < PyList_GET_SIZE(keys); i++) {
        const char *key = PyUnicode_AsUTF8(PyList_GET_ITEM(keys, i));

        if (key == NULL)
            PyErr_Clear();
        else if (strncmp(key, "HTTP_", 5) == 0 || strcmp(key, "CONTENT_TYPE") == 0 ||
                 strcmp(key, "CONTENT_LENGTH") == 0)
            ok = PyDict_DelItemString(environ, key) == 0;
    }
    for (Py_ssize_t i = 0; ok && i < PyList_GET_SIZE(list); i++)
        ok = put_pair(environ, PyList_GET_ITEM(list, i));
    Py_XDECREF(keys);
    Py_XDECREF(list);
    return ok;
}

static bool
replace_path(struct lazy *o, PyObject *environ)
{
    PyObject *bytes = PyUnicode_AsLatin1String(o->values[REQ_PATH]);
    PyObject *path = NULL, *own;
    size_t n;
    bool ok;

    if (bytes == NULL)
        return false;
    own = PyBytes_FromStringAndSize(PyBytes_AS_STRING(bytes), PyBytes_GET_SIZE(bytes));
    if (own != NULL) {
        n = gn_http_unquote(gn_slice(PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes)),
                            PyBytes_AS_STRING(own));
        path = latin1(gn_slice(PyBytes_AS_STRING(own), n));
    }
    ok = path != NULL && PyDict_SetItemString(environ, "PATH_INFO", path) == 0;
    Py_DECREF(bytes);
    Py_XDECREF(own);
    Py_XDECREF(path);
    return ok;
}

bool
gn_py_request_apply_gil(PyObject *req, PyObject *environ)
{
    static const struct {
        enum request_value which;
        const char *key;
    } plain[] = {{REQ_METHOD, "REQUEST_METHOD"},
                 {REQ_URI, "RAW_URI"},
                 {REQ_QUERY, "QUERY_STRING"},
                 {REQ_SCHEME, "wsgi.url_scheme"}};
    struct lazy *o = (struct lazy *)req;

    for (size_t i = 0; i < GN_ARRAY_LEN(plain); i++) {
        if ((o->set & (1U << plain[i].which)) != 0 &&
            PyDict_SetItemString(environ, plain[i].key, o->values[plain[i].which]) < 0)
            return false;
    }
    if ((o->set & (1U << REQ_PATH)) != 0 && !replace_path(o, environ))
        return false;
    return is_as_received(o) || replace_fields(o, environ);
}

/* ---- the response ---- */

enum response_value {
    RESP_STATUS,
    RESP_STATUS_CODE,
    RESP_HEADERS,
    RESP_HEADERS_SENT,
    RESP_SENT,
    RESP_LENGTH,
    RESP_CHUNKED,
    RESP_MUST_CLOSE,
    RESP_UPGRADE,
    RESP_VERSION,
    RESP_COUNT
};

/* The fields of the application, "Name: value\r\n" each. */
static PyObject *
response_headers(const struct gn_resp *r)
{
    struct gn_slice rest = gn_buf_slice(&r->fields);
    PyObject *list = PyList_New(0);

    while (list != NULL && rest.n > 0) {
        struct gn_slice line = gn_slice_cut(&rest, '\n');
        size_t colon = gn_slice_find(line, ':');
        struct gn_slice value = {NULL, 0};

        if (colon < line.n)
            value = gn_slice_trim(gn_slice(line.p + colon + 1, line.n - colon - 1), " \r");
        if (!append(list, pair(gn_slice(line.p, colon), value, false)))
            Py_CLEAR(list);
    }
    return list;
}

static PyObject *
make_response_value(struct lazy *o, size_t which)
{
    struct gn_conn *c = o->c;
    const struct gn_resp *r = &c->resp;

    switch ((enum response_value)which) {
    case RESP_STATUS:
        return r->code != 0 ? latin1(gn_buf_slice(&r->status)) : Py_NewRef(Py_None);
    case RESP_STATUS_CODE:
        return r->code != 0 ? PyLong_FromLong(r->code) : Py_NewRef(Py_None);
    case RESP_HEADERS:
        return response_headers(r);
    case RESP_HEADERS_SENT:
        return PyBool_FromLong(r->is_head_queued);
    case RESP_SENT:
        return PyLong_FromUnsignedLongLong(r->body_bytes);
    case RESP_LENGTH:
        return r->content_length >= 0 ? PyLong_FromLongLong(r->content_length) : Py_NewRef(Py_None);
    case RESP_CHUNKED:
        return PyBool_FromLong(r->is_chunked);
    case RESP_MUST_CLOSE:
        return PyBool_FromLong(!c->may_keep_alive);
    case RESP_UPGRADE:
        return PyBool_FromLong(r->wants_upgrade);
    case RESP_VERSION:
        return PyUnicode_FromString("gunicorn");
    case RESP_COUNT:
        break;
    }
    Py_RETURN_NONE;
}

static PyObject *
response_get(PyObject *self, void *closure)
{
    return value_of((struct lazy *)self, (size_t)closure, make_response_value);
}

static PyObject *
response_req(PyObject *self, void *closure)
{
    PyObject *req = ((struct lazy *)self)->req;

    (void)closure;
    return Py_NewRef(req != NULL ? req : Py_None);
}

static PyObject *
response_should_close(PyObject *self, PyObject *unused)
{
    struct lazy *o = (struct lazy *)self;

    (void)unused;
    if (o->c == NULL)
        Py_RETURN_TRUE;
    return PyBool_FromLong(!o->c->resp.keeps_alive);
}

static PyMethodDef response_methods[] = {
    {"should_close", response_should_close, METH_NOARGS,
     "True when the connection ends with the response."},
    {NULL, NULL, 0, NULL},
};

#define RESP(name, which, doc)                                                                     \
    {                                                                                              \
        name, response_get, NULL, doc, (void *)(size_t)(which)                                     \
    }

static PyGetSetDef response_attributes[] = {
    RESP("status", RESP_STATUS, "\"200 OK\"; None when there was none."),
    RESP("status_code", RESP_STATUS_CODE, "The same as a number."),
    RESP("headers", RESP_HEADERS, "The application's fields, a list of (name, value)."),
    RESP("headers_sent", RESP_HEADERS_SENT, "The head has left."),
    RESP("sent", RESP_SENT, "Bytes of the body."),
    RESP("response_length", RESP_LENGTH, "Content-Length of the application, or None."),
    RESP("chunked", RESP_CHUNKED, "The body was sent in chunks."),
    RESP("must_close", RESP_MUST_CLOSE, "No other request may follow."),
    RESP("upgrade", RESP_UPGRADE, "The connection speaks another protocol now."),
    RESP("version", RESP_VERSION, "What Server says."),
    {"cfg", get_cfg, NULL, "The settings.", NULL},
    {"req", response_req, NULL, "The request.", NULL},
    GN_PY_VIEW_DICT,
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot response_slots[] = {
    {Py_tp_dealloc, gn_py_view_dealloc},
    {Py_tp_traverse, lazy_traverse},
    {Py_tp_clear, lazy_clear},
    {Py_tp_members, gn_py_view_members},
    {Py_tp_getset, response_attributes},
    {Py_tp_methods, response_methods},
    {Py_tp_doc, (void *)"The response to a request."},
    {0, NULL},
};

PyType_Spec gn_py_response_spec = {
    .name = "gunicorn.http.wsgi.Response",
    .basicsize = sizeof(struct lazy),
    .flags = GN_PY_VIEW_FLAGS,
    .slots = response_slots,
};

PyObject *
gn_py_response_new_gil(struct gn_py *h, struct gn_conn *c, PyObject *req)
{
    struct lazy *o = gn_py_view_new_gil(h, h->response_type);

    if (o != NULL) {
        o->c = c;
        o->req = Py_NewRef(req);
    }
    return (PyObject *)o;
}

void
gn_py_response_leave_gil(PyObject *resp)
{
    leave(resp, RESP_COUNT, make_response_value);
}
