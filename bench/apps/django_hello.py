"""The least Django application, all in one file."""
import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="for measurements only",
                   INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth"],
                   MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
                   TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}])
django.setup()
urlpatterns = [path("", lambda request: HttpResponse("hello\n"))]
app = get_wsgi_application()
