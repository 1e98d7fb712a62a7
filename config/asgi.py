"""The web's entry point for an ASGI server: `uvicorn config.asgi:application`."""

import os
import warnings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("DATABASE_POOL", "true")

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application
from django.utils.module_loading import import_string

from config.startup import refuse_wrong_keys

# WhiteNoise reads files synchronously; ours are small, and a proxy serves them in production.
warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous")

web = get_asgi_application()
# By its name, since models can be imported only now.
websockets = import_string("metrics.routing.websockets")
application = ProtocolTypeRouter({"http": web, "websocket": websockets})
refuse_wrong_keys()
