"""The same site in Django, in one file."""

import hashlib
import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, HttpResponseRedirect, JsonResponse, StreamingHttpResponse
from django.urls import path

HERE = os.path.dirname(os.path.abspath(__file__))
settings.configure(
    DEBUG=False, SECRET_KEY="only for tests", ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__,
    INSTALLED_APPS=["django.contrib.sessions"],
    MIDDLEWARE=["django.middleware.common.CommonMiddleware",
                "django.contrib.sessions.middleware.SessionMiddleware"],
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
    FILE_UPLOAD_TEMP_DIR=HERE,
    LOGGING={"version": 1, "disable_existing_loggers": False,
             "handlers": {"console": {"class": "logging.StreamHandler"}},
             "root": {"handlers": ["console"]}})

BLOCK = b"0123456789abcdef" * 4096
BLOCKS = 800


def index(request):
    return HttpResponse("hello from django")


def form(request):
    return JsonResponse(request.POST.dict())


def upload(request):
    sent = request.FILES["file"]
    data = sent.read()
    return JsonResponse({"name": sent.name, "size": len(data), "note": request.POST["note"],
                         "sha256": hashlib.sha256(data).hexdigest()})


def cookie(request):
    response = HttpResponse(request.COOKIES.get("colour", "none"))
    response.set_cookie("colour", "red")
    response.set_cookie("size", "large", httponly=True)
    return response


def count(request):
    request.session["count"] = request.session.get("count", 0) + 1
    return HttpResponse(str(request.session["count"]))


def old(request):
    return HttpResponseRedirect("/")


def stream(request):
    return StreamingHttpResponse((BLOCK for _ in range(BLOCKS)),
                                 content_type="application/octet-stream")


def error(request):
    raise RuntimeError("django error on purpose")


urlpatterns = [path("", index)] + [
    path(view.__name__, view) for view in (form, upload, cookie, count, old, stream, error)]
app = get_wsgi_application()
