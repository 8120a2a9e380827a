"""Flask: a form, a cookie, an upload."""
from flask import Flask, make_response, redirect, request, url_for
from markupsafe import escape

app = Flask(__name__)

PAGE = """<!doctype html>
<title>Flask</title>
<p>Hello, {name}!</p>
<form action="/name" method="post"><input name="name"> <button>That's me</button></form>
<form action="/upload" method="post" enctype="multipart/form-data">
  <input type="file" name="file"> <button>How large?</button>
</form>
"""


@app.get("/")
def index():
    return PAGE.format(name=escape(request.cookies.get("name", "stranger")))


@app.post("/name")
def name():
    response = make_response(redirect(url_for("index")))
    response.set_cookie("name", request.form["name"])
    return response


@app.post("/upload")
def upload():
    size = len(request.files["file"].read())
    return f"{size} bytes\n"
