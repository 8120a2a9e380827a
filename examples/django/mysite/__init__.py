"""A Django project in one package: settings, addresses, views, WSGI entry."""
