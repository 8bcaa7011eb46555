"""Settings from the environment; every one has a safe default."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict

from dengji.config.sign_in import *  # noqa: F403
from dengji.config.sign_in import SIGN_IN_APPS, SIGN_IN_MIDDLEWARE

ENV = os.environ
DENGJI_DATA_DIR = Path(
    ENV.get("DENGJI_DATA_DIR") or Path(ENV.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "dengji"
)
BASE = Path(__file__).resolve().parent.parent


def _secret() -> str:
    """The session secret: from the environment, or kept in the data directory by `dengji up`."""
    if secret := ENV.get("DENGJI_SECRET_KEY"):
        return secret
    file = DENGJI_DATA_DIR / "keys" / "session.key"
    return file.read_text() if file.exists() else "unset-until-dengji-up"


def _database(url: str) -> dict[str, Any]:
    parts = conninfo_to_dict(url) if url else {}
    return {
        "ENGINE": "dengji.core.postgresql",
        "NAME": parts.pop("dbname", "dengji"),
        "USER": parts.pop("user", ""),
        "PASSWORD": parts.pop("password", ""),
        "HOST": parts.pop("host", ""),
        "PORT": str(parts.pop("port", "")),
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        # A pooler that gives a connection to another client after each transaction may not know its statements.
        "OPTIONS": {k: v for k, v in parts.items() if v is not None}
        | {"prepare_threshold": 1 if ENV.get("DENGJI_PREPARE", "1") == "1" else None},
    }


DATABASES = {"default": _database(ENV.get("DENGJI_DATABASE_URL", ""))}
SECRET_KEY = _secret()
DEBUG = ENV.get("DENGJI_DEBUG") == "1"
ALLOWED_HOSTS = ENV.get("DENGJI_ALLOWED_HOSTS", "127.0.0.1,localhost,[::1],testserver").split(",")

DENGJI_ORIGIN = ENV.get("DENGJI_ORIGIN", "localhost")
#: The address under which the node is known outside, in links and IRIs; by default https at the name of its log.
DENGJI_PUBLIC_URL = ENV.get("DENGJI_PUBLIC_URL", "")
#: How many exports one process sends at once; each holds a thread while it is read.
DENGJI_EXPORT_STREAMS = int(ENV.get("DENGJI_EXPORT_STREAMS", "4"))
#: How many records and searches one person may follow by webhook.
DENGJI_FOLLOWERS = int(ENV.get("DENGJI_FOLLOWERS", "20"))
# What the rules for government sites want at the foot of every page, shown where it is set; the name stands on top.
DENGJI_SITE_NAME = ENV.get("DENGJI_SITE_NAME", "")
DENGJI_SITE_SPONSOR = ENV.get("DENGJI_SITE_SPONSOR", "")
DENGJI_SITE_OPERATOR = ENV.get("DENGJI_SITE_OPERATOR", "")
DENGJI_SITE_CONTACT = ENV.get("DENGJI_SITE_CONTACT", "")
DENGJI_SITE_CODE = ENV.get("DENGJI_SITE_CODE", "")
DENGJI_SITE_ICP = ENV.get("DENGJI_SITE_ICP", "")
DENGJI_SITE_POLICE = ENV.get("DENGJI_SITE_POLICE", "")
DENGJI_GM = ENV.get("DENGJI_GM") == "1"
#: `auto` (an index of files where its library is there) or `postgres`.
DENGJI_SEARCH = ENV.get("DENGJI_SEARCH", "auto")
DENGJI_KEY_FILE = ENV.get("DENGJI_KEY_FILE") or str(DENGJI_DATA_DIR / "keys" / "master.key")
DENGJI_KEY_PROVIDER = ENV.get("DENGJI_KEY_PROVIDER", "dengji.core.encryption.FileKeyProvider")
# Keys of the log: one private key in the text form of signed notes, or two while it is rotated; or the dotted path of a
# callable that returns one Signer (HSM, SDF) or two. Without them, files in <data>/keys, made at first start.
DENGJI_LOG_KEY = ENV.get("DENGJI_LOG_KEY", "")
DENGJI_LOG_SIGNER = ENV.get("DENGJI_LOG_SIGNER", "")
DENGJI_COSIGNER_KEY = ENV.get("DENGJI_COSIGNER_KEY", "")
DENGJI_COSIGNER_SIGNER = ENV.get("DENGJI_COSIGNER_SIGNER", "")
DENGJI_SM2_KEY = ENV.get("DENGJI_SM2_KEY", "")
DENGJI_SM2_SIGNER = ENV.get("DENGJI_SM2_SIGNER", "")
#: Verifier keys of the witnesses whose cosignatures this log accepts, one a word (C2SP signed-note).
DENGJI_WITNESSES = ENV.get("DENGJI_WITNESSES", "")
#: Where these witnesses are asked (C2SP tlog-witness submission prefixes), one a word.
DENGJI_WITNESS_URLS = ENV.get("DENGJI_WITNESS_URLS", "")
# A time-stamping authority (RFC 3161): address, its certificates (PEM file), its name in receipts, seconds between two.
DENGJI_TSA_URL = ENV.get("DENGJI_TSA_URL", "")
DENGJI_TSA_CA = ENV.get("DENGJI_TSA_CA", "")
DENGJI_TSA_NAME = ENV.get("DENGJI_TSA_NAME", "")
DENGJI_TSA_SECONDS = float(ENV.get("DENGJI_TSA_SECONDS", "3600"))
#: Who gets the signed checkpoint of each day by mail, and the directory into which it is written.
DENGJI_CHECKPOINT_MAIL = ENV.get("DENGJI_CHECKPOINT_MAIL", "")
DENGJI_CHECKPOINT_DIR = ENV.get("DENGJI_CHECKPOINT_DIR", "")
#: Dotted path of a callable(bytes) that raises DomainError for a file it will not let in.
DENGJI_MALWARE_HOOK = ENV.get("DENGJI_MALWARE_HOOK", "")
#: Dotted path of a class whose `send(number, text)` sends a text message; without it none is sent.
DENGJI_SMS_GATEWAY = ENV.get("DENGJI_SMS_GATEWAY", "")
#: Dotted path of a class whose `seal(pdf, document)` returns the sealed bytes; without it only a demonstration seals.
DENGJI_SEAL_ADAPTER = ENV.get("DENGJI_SEAL_ADAPTER", "")

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "procrastinate.contrib.django",
    "dengji.core",
    "dengji.ledger",
    "dengji.parties",
    "dengji.registration",
    "dengji.imports",
    "dengji.notify",
    "dengji.catalogue",
    "dengji.content",
    "dengji.documents",
    "dengji.backup",
    "dengji.web",
    *SIGN_IN_APPS,
]
MIDDLEWARE = [
    "dengji.web.middleware.Demonstration",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "dengji.web.language.ChosenLanguage",
    "dengji.web.theme.ChosenTheme",
    "dengji.web.middleware.ApiProblems",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "dengji.web.middleware.PageErrors",
    *SIGN_IN_MIDDLEWARE,
]
ROOT_URLCONF = "dengji.config.urls"
WSGI_APPLICATION = "dengji.config.wsgi.application"
AUTH_USER_MODEL = "parties.Person"
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "accounts"
LOGOUT_REDIRECT_URL = "home"
SESSION_COOKIE_NAME = "dengji-session"
SESSION_COOKIE_AGE = int(ENV.get("DENGJI_SESSION_SECONDS", str(8 * 3600)))
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = "dengji-csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "dengji.web.errors.stale_form"
# On wherever the node is reached over TLS; the example at 127.0.0.1 is not.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = DENGJI_PUBLIC_URL.startswith("https://")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.messages.context_processors.messages",
                "dengji.web.context.node",
            ]
        },
    }
]

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "简体中文"), ("en", "English")]
LOCALE_PATHS = [BASE / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Asia/Shanghai"

#: Where `make setup` put the packages of package-lock.json; pages take their few files from there (web/assets.py).
DENGJI_FRONT_DIR = Path(ENV.get("DENGJI_FRONT_DIR") or BASE.parent.parent / "node_modules")
#: Directories in which documents look for their typeface; more, by the separator of PATH, come first.
DENGJI_FONT_DIRS = [
    *(Path(one) for one in ENV.get("DENGJI_FONT_DIRS", "").split(os.pathsep) if one),
    *(DENGJI_FRONT_DIR / "@expo-google-fonts" / "noto-serif-sc" / weight for weight in ("400Regular", "700Bold")),
]

#: The path under which a front server passes requests on, as "/dengji"; empty at the root of a host.
DENGJI_PREFIX = ENV.get("DENGJI_PREFIX", "").rstrip("/")
FORCE_SCRIPT_NAME = DENGJI_PREFIX or None
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = LANGUAGE_COOKIE_PATH = f"{DENGJI_PREFIX}/"
STATIC_URL = f"{DENGJI_PREFIX}/static/"
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "dengji.web.assets.FrontFinder",
]
STATIC_ROOT = ENV.get("DENGJI_STATIC_ROOT") or str(DENGJI_DATA_DIR / "static")
_S3 = ENV.get("DENGJI_S3_BUCKET")
STORAGES = {
    "default": (
        {
            "BACKEND": "storages.backends.s3.S3Storage",
            "OPTIONS": {
                "bucket_name": _S3,
                "endpoint_url": ENV.get("DENGJI_S3_ENDPOINT") or None,
                "default_acl": None,
                "file_overwrite": False,
            },
        }
        if _S3
        else {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {
                "location": ENV.get("DENGJI_MATERIALS_DIR") or str(DENGJI_DATA_DIR / "materials"),
                "file_permissions_mode": 0o600,
                "directory_permissions_mode": 0o700,
            },
        }
    ),
    # Compressed once, when the node starts.
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
# Uploads never wait in a world-readable temporary file: everything within the size limit stays in memory.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
DATA_UPLOAD_MAX_MEMORY_SIZE = 64 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 64 * 1024 * 1024

# Limits as "requests/seconds, …", each kept by a token bucket in every worker process.
DENGJI_RATE_LIMITS = ENV.get("DENGJI_RATE_LIMITS", "1") == "1"
DENGJI_RATE_ADDRESS = ENV.get("DENGJI_RATE_ADDRESS", "20/1,600/60")
DENGJI_RATE_PERSON = ENV.get("DENGJI_RATE_PERSON", "3000/300")
DENGJI_RATE_VOICE = ENV.get("DENGJI_RATE_VOICE", "5/60,20/3600")
#: How many proxies in front of this node add themselves to X-Forwarded-For.
DENGJI_TRUSTED_PROXIES = int(ENV.get("DENGJI_TRUSTED_PROXIES", "0"))
DENGJI_MAX_JSON_BYTES = int(ENV.get("DENGJI_MAX_JSON_BYTES", str(1024 * 1024)))
DENGJI_STATISTICS_SECONDS: float = float(ENV.get("DENGJI_STATISTICS_SECONDS", "30"))
DENGJI_METRICS_OPEN = ENV.get("DENGJI_METRICS_OPEN") == "1"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.ScryptPasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

EMAIL_BACKEND = (
    "django.core.mail.backends.smtp.EmailBackend"
    if ENV.get("DENGJI_SMTP_HOST")
    else "django.core.mail.backends.dummy.EmailBackend"
)
EMAIL_HOST = ENV.get("DENGJI_SMTP_HOST", "")
EMAIL_PORT = int(ENV.get("DENGJI_SMTP_PORT", "25"))
EMAIL_HOST_USER = ENV.get("DENGJI_SMTP_USER", "")
EMAIL_HOST_PASSWORD = ENV.get("DENGJI_SMTP_PASSWORD", "")
EMAIL_USE_TLS = ENV.get("DENGJI_SMTP_TLS") == "1"
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = ENV.get("DENGJI_MAIL_FROM", "dengji@localhost")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": ENV.get("DENGJI_LOG_LEVEL", "WARNING")},
}
PROCRASTINATE_ON_APP_READY = None
