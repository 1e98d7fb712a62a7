"""REST: logging in, staying logged in, and logging out."""

from __future__ import annotations

from dataclasses import asdict
from typing import NoReturn

from django.contrib.auth import authenticate
from django.contrib.auth.signals import user_logged_in
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import generics, status
from rest_framework.exceptions import APIException, AuthenticationFailed, PermissionDenied
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import lockout, serializers, tokens
from clinics.authorization import admit_person
from clinics.models import User


class BadLogin(AuthenticationFailed):
    default_code = "bad_login"
    default_detail = "No such username with this password."


class LoginLocked(APIException):
    """For too many failures of an address; those of one name there answers config/lockout.py."""

    status_code = status.HTTP_429_TOO_MANY_REQUESTS
    default_code = "login_locked"
    default_detail = (
        "Too many failed logins from this address, with this name or in all; see Retry-After."
    )

    def __init__(self, wait: int) -> None:
        super().__init__(lockout.words_of_address(wait))
        self.wait = wait


class RefreshRefused(AuthenticationFailed):
    default_code = "refresh_…"
    default_detail = (
        "`refresh_malformed`, `refresh_unknown`, `refresh_expired`, `refresh_revoked`, "
        "`user_inactive`, or `refresh_reused`: it was used before, and everything from its login "
        "has ended. Log in again."
    )


class PersonsOnly(PermissionDenied):
    default_code = "not_for_keys"
    default_detail = "Only a person has logins to end. To end an API key, revoke it."


class OpenView(generics.GenericAPIView):
    """A view that asks for no login: what is sent to it is one."""

    authentication_classes = ()
    permission_classes = ()

    def get_authenticate_header(self, request: Request) -> str:
        """Make a refusal a 401 although the view itself asks for no login."""
        return "Bearer"


class LoginView(OpenView):
    """Exchange a username and password for an access token of some minutes and a refresh token."""

    serializer_class = serializers.LoginSerializer
    error_answers = {None: (BadLogin, LoginLocked)}

    @extend_schema(operation_id="login", auth=[], responses=serializers.TokensSerializer)
    def post(self, request: Request) -> Response:
        login = self.get_serializer(data=request.data)
        login.is_valid(raise_exception=True)
        # Before the password is hashed: that takes time, which somebody else may need.
        if wait := lockout.seconds_of_address(request._request, timezone.now()):
            raise LoginLocked(wait)
        user = authenticate(request._request, **login.validated_data)
        if not isinstance(user, User):
            raise BadLogin
        user_logged_in.send(sender=User, request=request._request, user=user)
        return _answer(tokens.log_in(user, timezone.now()))


class RefreshView(OpenView):
    """Exchange a refresh token for new tokens; it works once.

    One that comes a second time ends everything from its login, also the tokens that its first
    use gave.
    """

    serializer_class = serializers.RefreshSerializer
    error_answers = {None: (RefreshRefused,)}

    @extend_schema(operation_id="refresh", auth=[], responses=serializers.TokensSerializer)
    def post(self, request: Request) -> Response:
        body = self.get_serializer(data=request.data)
        body.is_valid(raise_exception=True)
        try:
            return _answer(tokens.refresh(body.validated_data["refresh"], timezone.now()))
        except tokens.Refused as refused:
            _refuse(refused)


class LogoutView(OpenView):
    """End the login that a refresh token is from: its access and refresh tokens, at once.

    The answer is the same for a token that gave nothing any more.
    """

    serializer_class = serializers.RefreshSerializer

    @extend_schema(operation_id="logout", auth=[], responses={204: None})
    def post(self, request: Request) -> Response:
        body = self.get_serializer(data=request.data)
        body.is_valid(raise_exception=True)
        tokens.log_out(body.validated_data["refresh"], timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class LogoutEverywhereView(generics.GenericAPIView):
    """End all of this person's logins at once, in the API and in the admin, this one too."""

    permission_classes = (IsAuthenticated,)
    error_answers = {None: (PersonsOnly,)}

    @extend_schema(operation_id="logout_everywhere", request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        if not isinstance(request.user, User):
            raise PersonsOnly
        admit_person(request)
        tokens.log_out_everywhere(request.user, timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


def _answer(pair: tokens.Pair) -> Response:
    """Return tokens, which nothing on their way may keep."""
    body = serializers.TokensSerializer(asdict(pair)).data
    return Response(body, headers={"Cache-Control": "no-store"})


def _refuse(refused: tokens.Refused) -> NoReturn:
    raise RefreshRefused(str(refused), refused.code) from None
