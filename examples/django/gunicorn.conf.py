import secrets

bind = "127.0.0.1:8000"
workers = 2
wsgi_app = "mysite.wsgi"
# One key for all workers, made at each start. A real site keeps its key outside of the code.
raw_env = ["DJANGO_SECRET_KEY=" + secrets.token_hex(32)]
