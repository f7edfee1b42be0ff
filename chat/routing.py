"""WebSocket paths. Whatever is no session of the visitor is answered by the consumer, alike."""

from django.urls import path, re_path

from chat.consumers import ChatConsumer

websocket_urlpatterns = [
    path("ws/chat/<str:session>/", ChatConsumer.as_asgi()),
    re_path(r"^(?P<session>.*)$", ChatConsumer.as_asgi()),
]
