"""A small Flask site: forms, uploads, cookies, sessions, redirects, a long stream, an error."""

import hashlib

from flask import Flask, Response, jsonify, make_response, redirect, request, session, url_for

app = Flask(__name__)
app.secret_key = "only for tests"
BLOCK = b"0123456789abcdef" * 4096
BLOCKS = 800  # of 64 KiB: 50 MiB


@app.route("/")
def index():
    return "hello from flask"


@app.route("/form", methods=["POST"])
def form():
    return jsonify(request.form.to_dict())


@app.route("/upload", methods=["POST"])
def upload():
    sent = request.files["file"]
    data = sent.read()
    return jsonify(name=sent.filename, size=len(data), sha256=hashlib.sha256(data).hexdigest(),
                   note=request.form["note"])


@app.route("/cookie")
def cookie():
    response = make_response(request.cookies.get("colour", "none"))
    response.set_cookie("colour", "red")
    response.set_cookie("size", "large", httponly=True)
    return response


@app.route("/count")
def count():
    session["count"] = session.get("count", 0) + 1
    return str(session["count"])


@app.route("/old")
def old():
    return redirect(url_for("index"))


@app.route("/stream")
def stream():
    return Response((BLOCK for _ in range(BLOCKS)), mimetype="application/octet-stream")


@app.route("/error")
def error():
    raise RuntimeError("flask error on purpose")
