"""HTTP paths of the whole project."""

from django.contrib import admin
from django.urls import include, path

handler400 = "chat.views.bad_request"
handler403 = "chat.views.forbidden"
handler404 = "chat.views.not_found"
handler500 = "chat.views.server_error"

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("chat.urls")),
]
