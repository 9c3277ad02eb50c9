"""The settings. An operator changes them by environment variables; a bad value stops the start with a message.

Without DATABASE_URL the database is the embedded Postgres, which `manage.py` starts before it loads this module.
"""

from __future__ import annotations

from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from eventsite.database import databases
from eventsite.env import Env
from eventsite.limits import Limits
from eventsite.logging import LOGGING as LOGGING

env = Env()

BASE_DIR = Path(__file__).resolve().parent.parent
DEBUG = env.flag("EVENTSITE_DEBUG", default=False)
EVENTSITE = Limits.read(env)

POOLER_URL = env.text("EVENTSITE_POOLER_URL")
if DATABASE_URL := env.text("DATABASE_URL"):
    SECRET_KEY = env.required(
        "SECRET_KEY",
        hint="With DATABASE_URL it must come from the environment, and be the same for each process and each start. "
        "Make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'",
    )
elif POOLER_URL:
    raise ImproperlyConfigured("EVENTSITE_POOLER_URL needs DATABASE_URL, which leads to Postgres itself.")
else:
    from eventsite.data_dir import DataDir
    from eventsite.embedded_postgres import Cluster

    _data_dir = DataDir.configured()
    DATABASE_URL = Cluster(_data_dir).conninfo
    SECRET_KEY = env.text("SECRET_KEY") or _data_dir.secret_key()

DATABASES = databases(DATABASE_URL, pooler=POOLER_URL)

INSTALLED_APPS = [
    "eventsite",
    "events",
    "projections",
    "projections.replay",
    "projections.dead_letters",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "channels",
    "django_htmx",
    "ninja",
    "servestatic",
    *env.names("EVENTSITE_APPS"),  # apps with projections of their own
]
MIDDLEWARE = [
    "eventsite.middleware.ContentSecurityPolicy",
    "django.middleware.security.SecurityMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "eventsite.middleware.PrivatePages",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "eventsite.visitors.RememberPersons",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF = "eventsite.urls"
ASGI_APPLICATION = "eventsite.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {"environment": "eventsite.jinja.environment.environment"},
    },
]

LANGUAGE_CODE = "en-gb"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
# Files are served from their place, and listed once at the start: there is no second copy that could go stale.
SERVESTATIC_USE_FINDERS = True
SERVESTATIC_AUTOREFRESH = DEBUG
SERVESTATIC_ALLOW_ALL_ORIGINS = False

ALLOWED_HOSTS = env.names("EVENTSITE_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env.names("EVENTSITE_CSRF_TRUSTED_ORIGINS")
TRUSTED_PROXIES = env.names("EVENTSITE_TRUSTED_PROXIES", "127.0.0.1,::1")
TLS = env.flag("EVENTSITE_TLS", default=False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = TLS
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if TLS else 0
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

REMOTE_SIGN_IN_LINKS = env.flag("EVENTSITE_REMOTE_SIGN_IN_LINKS", default=False)
PASSWORD_HASHERS = ["events.access.passwords.UnconnectedHasher"]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "login"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# The API has its own limits; Django's smaller default must not answer first.
DATA_UPLOAD_MAX_MEMORY_SIZE = EVENTSITE.request_max_bytes
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
