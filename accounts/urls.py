"""REST addresses of logins, API keys and members."""

from __future__ import annotations

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from accounts import api, key_api, member_api

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("api-keys", key_api.ApiKeyViewSet, basename="api-key")

of_organization = SimpleRouter(trailing_slash=False, use_regex_path=False)
of_organization.register(
    "api-keys", key_api.OrganizationKeysViewSet, basename="organization-api-key"
)
of_organization.register("members", member_api.MembersViewSet, basename="member")

urlpatterns = [
    path("auth/login", api.LoginView.as_view(), name="login"),
    path("auth/refresh", api.RefreshView.as_view(), name="refresh"),
    path("auth/logout", api.LogoutView.as_view(), name="logout"),
    path("auth/logout-everywhere", api.LogoutEverywhereView.as_view(), name="logout-everywhere"),
    path("", include(router.urls)),
    path("organizations/<uuid:organization_pk>/", include(of_organization.urls)),
]
