"""HTTP paths of the page, its API and the probes."""

from django.urls import path

from chat import views
from chat.api import api

urlpatterns = [
    path("", views.page),
    path("c/<str:session>", views.page),
    path("sw.js", views.service_worker),
    path("api/", api.urls),
    path("healthz", views.healthz),
    path("readyz", views.readyz),
    path("metrics", views.metrics),
]
