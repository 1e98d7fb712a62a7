"""Django's settings. Each can be changed by an environment variable named in .env.example."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from celery.schedules import schedule
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from config.env import (
    BASE_DIR,
    VAR_DIR,
    database_config,
    encryption_keys,
    env,
    redis_urls,
    secret_key,
)

# --- Web -------------------------------------------------------------------------------------

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = secret_key()
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"

INSTALLED_APPS = [
    "config.apps.FrontdeskConfig",
    "config.apps.FrontdeskAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "axes",
    "csp",
    "django_celery_beat",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "channels",
    "rest_framework",
    "encryption",
    "audit",
    "clinics",
    "accounts",
    "integrations",
    "webhooks",
    "sync",
    "writebacks",
    "metrics",
    "outreach",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "clinics.middleware.AccessMiddleware",
    "accounts.middleware.RateMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 12 * 3600  # seconds: a working day, since desks are shared
X_FRAME_OPTIONS = "DENY"
# Cookies and redirects for TLS are on wherever it is not plain http on one's own machine.
HTTPS = env.bool("HTTPS", default=False)
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
# For the whole domain only where its owner says so: it binds what else runs there, for a year.
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = env.bool("HSTS_WHOLE_DOMAIN", default=False)
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
#: A booking is about a kilobyte; nothing that we accept is near this size (bytes).
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000

STATIC_URL = "static/"
STATIC_ROOT = env.str("STATIC_ROOT", default=None)  # only for `collectstatic`
STATICFILES_DIRS: list[Path] = [BASE_DIR / "config" / "assets"]
WHITENOISE_USE_FINDERS = True  # so that a checkout serves its pages without `collectstatic`

LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Data ------------------------------------------------------------------------------------

DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        **database_config(),
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": True,
    }
}
# Only the web keeps a pool (config/asgi.py sets this): Celery closes a pool after each task.
if env.bool("DATABASE_POOL", default=False):
    DATABASES["default"].setdefault("OPTIONS", {})["pool"] = {"max_size": 10, "timeout": 10}

REDIS_URL, CELERY_BROKER_URL = redis_urls()
#: What a PMS has just told of free times, for seconds; nothing of a patient.
CACHES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "frontdesk.cache",
        # As JSON: who could write to Redis must not get Python to run what it unpickles. Redis
        # that is silent must not hold up the answer to a request.
        "OPTIONS": {"serializer": json, "socket_timeout": 0.3, "socket_connect_timeout": 0.3},
    }
}

#: News of numbers on their way to open pages. A silent socket is no dead one: without this it
#: would be cut after 5 s (github.com/django/channels_redis/issues/422).
CHANNEL_LAYERS: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {
            "hosts": [{"address": REDIS_URL, "socket_timeout": None}],
            "prefix": "frontdesk.live",
        },
    }
}

#: Sockets and streams of numbers that one web process holds, and of them of one login.
LIVE_SOCKETS = env.int("LIVE_SOCKETS", default=2_000)
LIVE_SOCKETS_OF_LOGIN = env.int("LIVE_SOCKETS_OF_LOGIN", default=50)
#: Connects a minute from one address, and of one login. Many people may share an address.
LIVE_CONNECTS_PER_MINUTE = env.int("LIVE_CONNECTS_PER_MINUTE", default=300)

#: The keys that encrypt (encryption/keys.py), as text or as a file; one of the two is empty.
ENCRYPTION_KEYS, ENCRYPTION_KEYS_FILE = encryption_keys()

# --- People and programs ---------------------------------------------------------------------

AUTH_USER_MODEL = "clinics.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",  # refuses who is locked out, before a password is tried
    "django.contrib.auth.backends.ModelBackend",
]
_VALIDATORS = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {"NAME": f"{_VALIDATORS}.UserAttributeSimilarityValidator"},
    {"NAME": f"{_VALIDATORS}.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": f"{_VALIDATORS}.CommonPasswordValidator"},
    {"NAME": f"{_VALIDATORS}.NumericPasswordValidator"},
]
#: Days after which a login ends that nobody uses, and after which it ends in any case.
REFRESH_IDLE_DAYS = env.int("REFRESH_IDLE_DAYS", default=7)
LOGIN_DAYS = env.int("LOGIN_DAYS", default=30)
# Lock-out of a username at an address, for this long after the last of so many failures; a success
# elsewhere changes nothing, nor does trying on meanwhile.
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
#: So many failures at one address within that time, whatever the names; a clinic may have one.
LOGIN_FAILURES_OF_ADDRESS = 50
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_LOCKOUT_CALLABLE = "config.lockout.answer"
#: The server in front of Django (uvicorn) has put the caller's own address there already.
AXES_CLIENT_IP_CALLABLE = "accounts.lockout.address"
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
# What axes leaves out of its rows and logs. `next` may hold what was searched for.
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "password", "csrfmiddlewaretoken", "next"]
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.KeyAuthentication",
        "accounts.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["clinics.authorization.Permitted"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["config.api.parsers.SafeJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "config.api.pagination.NewestFirst",
    "PAGE_SIZE": 50,
    "DEFAULT_SCHEMA_CLASS": "config.api.schema.Schema",
    "EXCEPTION_HANDLER": "config.api.errors.error_response",
    "DEFAULT_VERSIONING_CLASS": None,
    "DEFAULT_METADATA_CLASS": None,  # the schema tells what OPTIONS would
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=env.int("ACCESS_TOKEN_MINUTES", default=15)),
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Frontdesk",
    "DESCRIPTION": "One API over clinics' practice-management systems.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_NAME_OVERRIDES": {
        "WritebackStatus": "writebacks.states.Status",
        "DeliveryStatus": "webhooks.models.Status",
        "WritebackOperation": "writebacks.models.Operation",
        "SyncStatus": "sync.states.Status",
        "SyncMode": "sync.states.Mode",
        "CallStatus": "outreach.models.Status",
        "SyncTrigger": "sync.states.Trigger",
        "MetricsPeriod": "metrics.questions.PERIODS",
        "MetricsStatus": "metrics.serializers.STATUSES",
        "AppointmentStatus": "clinics.models.AppointmentStatus",
        "NewAppointmentStatus": "writebacks.appointment_serializers.STATUSES",
        "Role": "clinics.models.Role",
    },
}

# --- Background work -------------------------------------------------------------------------

#: A task that runs longer is killed. A writeback's lease (writebacks/models.py) is longer.
CELERY_TASK_TIME_LIMIT = 60
CELERY_TASK_SOFT_TIME_LIMIT = 50
CELERY_TASK_ACKS_LATE = True  # every task is safe to run twice; none may be lost with a worker
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_IGNORE_RESULT = True
CELERY_TIMEZONE = "UTC"
# Reading a PMS's lists takes its time: with workers of its own it holds up no write.
# What is live waits behind neither.
CELERY_TASK_ROUTES = {
    "sync.tasks.carry_on": {"queue": "sync"},
    "metrics.tasks.*": {"queue": "live"},
    # Half a second for a large clinic: nobody's change waits behind it.
    "metrics.tasks.insights": {"queue": "celery"},
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 300,
    "global_keyprefix": "frontdesk.",
    # A broker that is silent must not hold up the answer to a request.
    "socket_timeout": 3,
    "socket_connect_timeout": 2,
}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULER = "config.leader:LeaderScheduler"
CELERY_BEAT_SCHEDULE = {
    "dispatch writebacks": {
        "task": "writebacks.tasks.dispatch",
        "schedule": schedule(timedelta(seconds=env.int("DISPATCH_SECONDS", default=5))),
        # A queue of its own, so that no backlog delays it. It does not expire sooner than clocks
        # of two machines may differ: a tick too many does no harm, all of them lost would.
        "options": {"expire_seconds": 60, "queue": "dispatch"},
    },
    "the night's catch-up": {
        "task": "writebacks.tasks.catch_up",
        # Often, since every quarter of an hour is 2 AM somewhere.
        "schedule": schedule(timedelta(minutes=5)),
        "options": {"expire_seconds": 290},
    },
    "dispatch syncs": {
        "task": "sync.tasks.dispatch",
        "schedule": schedule(timedelta(seconds=env.int("DISPATCH_SECONDS", default=5))),
        "options": {"expire_seconds": 60, "queue": "dispatch"},
    },
    "make syncs that are due": {
        "task": "sync.tasks.make_runs",
        # Often, so that each clinic's own interval and night is met; it looks at rows alone.
        "schedule": schedule(timedelta(minutes=1)),
        "options": {"expire_seconds": 55},
    },
    "prune syncs": {
        "task": "sync.tasks.prune",
        "schedule": schedule(timedelta(hours=1)),
        "options": {"expire_seconds": 3540},
    },
    "recount metrics": {
        "task": "metrics.tasks.dispatch",
        "schedule": schedule(timedelta(seconds=env.int("DISPATCH_SECONDS", default=5))),
        "options": {"expire_seconds": 60},
    },
    "work out insights": {
        "task": "metrics.tasks.dispatch_insights",
        "schedule": schedule(timedelta(seconds=10)),
        "options": {"expire_seconds": 60},
    },
    "prune metrics": {
        "task": "metrics.tasks.prune",
        "schedule": schedule(timedelta(minutes=10)),
        "options": {"expire_seconds": 540},
    },
    "refresh lists of calls": {
        "task": "outreach.tasks.dispatch",
        # Often, since every quarter of an hour is 2 AM somewhere.
        "schedule": schedule(timedelta(minutes=5)),
        "options": {"expire_seconds": 290},
    },
    "dispatch webhooks": {
        "task": "webhooks.tasks.dispatch",
        "schedule": schedule(timedelta(seconds=env.int("DISPATCH_SECONDS", default=5))),
        "options": {"expire_seconds": 60, "queue": "dispatch"},
    },
    "prune webhooks": {
        "task": "webhooks.tasks.prune",
        "schedule": schedule(timedelta(hours=1)),
        "options": {"expire_seconds": 3540},
    },
    "prune logins": {
        "task": "accounts.tasks.prune",
        "schedule": schedule(timedelta(hours=1)),
        "options": {"expire_seconds": 3540},
    },
    "refresh tokens": {
        "task": "integrations.tasks.refresh_tokens",
        "schedule": schedule(timedelta(minutes=10)),
        "options": {"expire_seconds": 540},
    },
    "prune calls and budget windows": {
        "task": "integrations.tasks.prune",
        "schedule": schedule(timedelta(hours=1)),
        "options": {"expire_seconds": 3540},
    },
    "seal the audit": {
        "task": "audit.tasks.seal",
        "schedule": schedule(timedelta(minutes=1)),
        "options": {"expire_seconds": 55},
    },
}

# --- PMS -------------------------------------------------------------------------------------

#: Checks of a practice's writes in an hour by day, each for all that are due (writebacks/pace.py);
#: more of them confirm a busy practice's writes sooner.
CHECKS_PER_HOUR = env.float("CHECKS_PER_HOUR", default=4)
if CHECKS_PER_HOUR <= 0:
    raise ImproperlyConfigured("CHECKS_PER_HOUR must be more than 0")
#: Answers that one web process holds back at once for callers who wait for an outcome
#: (writebacks/waiting.py); each takes a thread, and a database connection twice a second.
WAITING_ANSWERS = env.int("WAITING_ANSWERS", default=50)
#: Seconds to wait for a connection, and then for each piece of an answer.
PMS_TIMEOUT = (5.0, 25.0)
#: Late in a window without demand, background work may use more: in the last share of the window
#: (0.2: the last 12 minutes of an hour) the reserve shrinks with the time left. 0: never.
BUDGET_RELEASE_SHARE = env.float("BUDGET_RELEASE_SHARE", default=0.0)
#: How long each call to a PMS stays on record.
ENABLE_SYNC_SCHEDULER = env.bool("ENABLE_SYNC_SCHEDULER", default=True)
SYNC_INTERVAL_MINUTES = env.int("SYNC_INTERVAL_MINUTES", default=240)
if SYNC_INTERVAL_MINUTES < 5:
    raise ImproperlyConfigured("SYNC_INTERVAL_MINUTES must be 5 or more")
SYNC_WITH_SPARE_CALLS = env.bool("SYNC_WITH_SPARE_CALLS", default=False)
SYNC_RUN_DAYS = max(2, env.int("SYNC_RUN_DAYS", default=30))
#: What Sikka's webhooks carry to show that they are Sikka's; two while one replaces the other.
#: None: every webhook is refused.
SIKKA_CALLBACK_KEYS = [each for each in env.list("SIKKA_CALLBACK_KEYS", default=[]) if each]
if any(len(each) < 16 for each in SIKKA_CALLBACK_KEYS):
    raise ImproperlyConfigured("SIKKA_CALLBACK_KEYS must have 16 characters or more each")

CALL_LOG_DAYS = env.int("CALL_LOG_DAYS", default=7)
#: How long the use of each window of a budget stays on record; 2 days at least, since they count.
BUDGET_HISTORY_DAYS = max(2, env.int("BUDGET_HISTORY_DAYS", default=8))
PMS_USER_AGENT = f"Frontdesk/0.1 ({env.str('CONTACT_EMAIL', default='no contact set')})"

# --- Telling others --------------------------------------------------------------------------

#: For development: webhooks may also go to http:// and to addresses of this network.
WEBHOOKS_ALLOW_PRIVATE = env.bool("WEBHOOKS_ALLOW_PRIVATE", default=False)
#: Seconds that a receiver has, from the connection to the end of its answer's headers.
WEBHOOK_SECONDS = 10.0
#: How long events and the attempts to deliver them stay on record; longer than they are tried.
WEBHOOK_LOG_DAYS = max(7, env.int("WEBHOOK_LOG_DAYS", default=30))
_MAIL = env.email_url("EMAIL_URL", default="consolemail://" if DEBUG else "smtp://localhost:25")
EMAIL_BACKEND = _MAIL["EMAIL_BACKEND"]
EMAIL_HOST, EMAIL_PORT = _MAIL["EMAIL_HOST"] or "localhost", _MAIL["EMAIL_PORT"] or 25
EMAIL_HOST_USER = _MAIL["EMAIL_HOST_USER"] or ""
EMAIL_HOST_PASSWORD = _MAIL["EMAIL_HOST_PASSWORD"] or ""
EMAIL_USE_TLS, EMAIL_USE_SSL = _MAIL.get("EMAIL_USE_TLS", False), _MAIL.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 10  # seconds
DEFAULT_FROM_EMAIL = env.str("MAIL_FROM", default="frontdesk@localhost")

# --- Logs ------------------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {
            "class": "config.logging.DiscreetFormatter",
            "format": "%(asctime)s %(levelname)-7s %(name)s %(message)s",
        },
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    "filters": {"once_a_minute": {"()": "config.logging.OnceAMinute"}},
    "loggers": {
        # Libraries' own handlers would write what the formatter leaves out: all goes to the root.
        "django": {"level": "INFO"},
        "django.server": {"level": "INFO", "propagate": True},
        "uvicorn": {"propagate": True},
        # Addresses may hold what was searched for. To configure its parent would wake it up again,
        # whatever the server was told.
        "uvicorn.access": {"propagate": False},
        # Celery gives a handler of its own to these where they have none.
        "celery.task": {"handlers": ["console"], "propagate": False},
        "multiprocessing": {"handlers": ["console"], "propagate": False},
        # Redis is away: a traceback each second. It comes back by itself.
        "channels_redis.pubsub": {"filters": ["once_a_minute"]},
        # One line a request is what the web server's own log is for.
        "urllib3": {"level": "WARNING"},
        "django.request": {"level": "ERROR"},
        # Failures and locks, without the names; not each success.
        "axes": {"level": "WARNING"},
        # A task's arguments are ids only, yet a line for each tick of the dispatcher is noise.
        "celery.app.trace": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
        "django_celery_beat": {"level": "WARNING"},
    },
}
FRONTDESK_VAR = VAR_DIR
