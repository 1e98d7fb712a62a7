"""How logins and API keys look over REST."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.models import HIGHEST_RATE, USUAL_RATE, ApiKey
from clinics.models import Membership, Role
from clinics.permissions import KeyScope
from clinics.serializers import OffsetDateTimeField


class LoginSerializer(serializers.Serializer):
    """A person's login."""

    username = serializers.CharField(max_length=150)
    password = serializers.CharField(
        max_length=128, trim_whitespace=False, style={"input_type": "password"}, write_only=True
    )


class RefreshSerializer(serializers.Serializer):
    """A refresh token, as the last login or refresh gave it."""

    refresh = serializers.CharField(trim_whitespace=False, allow_blank=True, write_only=True)


class TokensSerializer(serializers.Serializer):
    """What a login and a refresh give: send it as `Authorization: Bearer <access>`."""

    access = serializers.CharField()
    expires_in = serializers.IntegerField(help_text="Seconds until the access token ends.")
    refresh = serializers.CharField(help_text="Works once, for the next tokens; keep it secret.")
    refresh_expires_in = serializers.IntegerField(
        help_text="Seconds until the refresh token ends, if it is not used before."
    )


class ApiKeySerializer(serializers.ModelSerializer):
    """An API key, without its secret."""

    scopes = serializers.ListField(child=serializers.ChoiceField(list(KeyScope)))
    created_by = serializers.CharField(
        source="created_by.username",
        default=None,
        read_only=True,
        help_text="The person who made it; null where a key did.",
    )

    class Meta:
        model = ApiKey
        fields = [
            "id",
            "organization",
            "name",
            "prefix",
            "scopes",
            "clinics",
            "rate_limit",
            "created_by",
            "created_by_key",
            "created_at",
            "expires_at",
            "last_used_at",
            "revoked_at",
            "replaced_by",
        ]


class IssuedKeySerializer(ApiKeySerializer):
    """A new API key with its secret, which is shown this once."""

    key = serializers.CharField(
        help_text="Send it as `Authorization: Bearer <key>`. It is not shown again."
    )

    class Meta(ApiKeySerializer.Meta):
        fields = [*ApiKeySerializer.Meta.fields, "key"]

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """Return the key's row, and the secret beside it."""
        return {**ApiKeySerializer(instance.key).data, "key": instance.text}


class NewKeySerializer(serializers.Serializer):
    """An API key to be made."""

    name = serializers.CharField(max_length=100, help_text="Which program it is for.")
    scopes = serializers.ListField(
        child=serializers.ChoiceField(list(KeyScope)), min_length=1, max_length=len(KeyScope)
    )
    clinics = serializers.ListField(
        child=serializers.UUIDField(),
        default=list,
        max_length=1_000,
        help_text="Empty: all of the organization's.",
    )
    rate_limit = serializers.IntegerField(
        default=USUAL_RATE, min_value=1, max_value=HIGHEST_RATE, help_text="Requests a minute."
    )
    expires_at = OffsetDateTimeField(
        default=None,
        help_text="In a year unless said otherwise, in two at most; "
        "no later than the API key that asks.",
    )


class RotationSerializer(serializers.Serializer):
    """How a key is replaced."""

    overlap_hours = serializers.IntegerField(
        default=24,
        min_value=0,
        max_value=7 * 24,
        help_text="How long the old secret works on beside the new one.",
    )


class MemberSerializer(serializers.ModelSerializer):
    """Somebody's role in an organization; with `ends_at` temporary access, or a role that ended."""

    username = serializers.CharField(source="user.username", read_only=True)
    granted_by = serializers.CharField(source="granted_by.username", default=None, read_only=True)

    class Meta:
        model = Membership
        fields = [
            *("id", "username", "role", "clinics", "ends_at", "reason", "granted_by", "created_at"),
        ]


class NewMemberSerializer(serializers.Serializer):
    """A role to be given to somebody who has a login."""

    username = serializers.CharField(max_length=150, help_text="Exactly as the person logs in.")
    role = serializers.ChoiceField(Role.choices)
    clinics = serializers.ListField(
        child=serializers.UUIDField(),
        default=list,
        max_length=1_000,
        help_text="Empty: all of the organization's.",
    )
    ends_at = OffsetDateTimeField(
        default=None, help_text="For temporary access: within 30 days, with a reason."
    )
    reason = serializers.CharField(max_length=200, default="", allow_blank=True)
