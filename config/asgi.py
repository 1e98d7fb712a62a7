"""The web's entry point for an ASGI server: `uvicorn config.asgi:application`."""

import os
import warnings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("DATABASE_POOL", "true")

from django.core.asgi import get_asgi_application

from config.startup import refuse_wrong_keys

# WhiteNoise reads files synchronously; ours are small, and a proxy serves them in production.
warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous")

application = get_asgi_application()
refuse_wrong_keys()
