from django.http import HttpResponse


def index(request):
    return HttpResponse("Hello from Django!\n", content_type="text/plain")


def visits(request):
    """Counts visits in the session, which lives in a cookie."""
    count = request.session.get("visits", 0) + 1
    request.session["visits"] = count
    return HttpResponse(f"visit {count}\n", content_type="text/plain")
