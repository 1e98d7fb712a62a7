"""How webhooks and their deliveries look over REST."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from clinics.serializers import OffsetDateTimeField
from webhooks import events
from webhooks.models import LONGEST_URL, Attempt, Delivery, Endpoint, Status

TYPES = "; ".join(f"`{type}`: {words}" for type, words in events.TYPES.items())


class WebhookSerializer(serializers.ModelSerializer):
    """A webhook, without its secret, and how it fares."""

    event_types = serializers.ListField(child=serializers.ChoiceField(list(events.TYPES)))
    set_by = serializers.CharField(
        source="set_by.username",
        default=None,
        read_only=True,
        help_text="The person who last said where it goes; null where a key did.",
    )

    class Meta:
        model = Endpoint
        fields = [
            *("id", "organization", "url", "description", "event_types", "clinics", "is_active"),
            *("disabled_at", "disabled_reason", "set_by", "set_by_key", "created_at"),
            *("last_success_at", "failing_since", "failures", "old_secret_until"),
        ]


class IssuedWebhookSerializer(WebhookSerializer):
    """A webhook with its new secret, which is shown this once."""

    secret = serializers.CharField(
        help_text="`whsec_…`: what a receiver checks signatures with. It is not shown again."
    )

    class Meta(WebhookSerializer.Meta):
        fields = [*WebhookSerializer.Meta.fields, "secret"]

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """Return the webhook's row, and the secret beside it."""
        return {**WebhookSerializer(instance.endpoint).data, "secret": instance.secret}


class WebhookChangesSerializer(serializers.Serializer):
    """What of a webhook can be changed; what is left out stays as it is."""

    url = serializers.CharField(
        max_length=LONGEST_URL, help_text="https://, at a public address; it is posted to."
    )
    description = serializers.CharField(
        max_length=200, default="", allow_blank=True, help_text="Which program this is."
    )
    event_types = serializers.ListField(
        child=serializers.ChoiceField(list(events.TYPES)),
        default=list,
        max_length=100,
        help_text=f"Empty: all of them, also those to come. {TYPES}.",
    )
    clinics = serializers.ListField(
        child=serializers.UUIDField(),
        default=list,
        max_length=1_000,
        help_text="Empty: all of the organization's.",
    )
    is_active = serializers.BooleanField(default=True)


class NewWebhookSerializer(WebhookChangesSerializer):
    """A webhook to be set up."""

    organization = serializers.UUIDField(
        required=False, help_text="Needed by logins of more than one organization."
    )


class SecretRotationSerializer(serializers.Serializer):
    """How a secret is replaced."""

    overlap_hours = serializers.IntegerField(
        default=24,
        min_value=0,
        max_value=7 * 24,
        help_text="How long the old secret signs on beside the new one.",
    )


class AttemptSerializer(serializers.ModelSerializer):
    """One try of a delivery."""

    class Meta:
        model = Attempt
        fields = ["number", "at", "status_code", "error", "milliseconds"]


class DeliverySerializer(serializers.ModelSerializer):
    """One event on its way to one webhook."""

    event_id = serializers.UUIDField(
        source="message_id", read_only=True, help_text="The `webhook-id` of all of its attempts."
    )

    class Meta:
        model = Delivery
        fields = [
            *("id", "event_id", "type", "status", "attempts", "due_at", "created_at", "ended_at"),
        ]


class DeliveryDetailSerializer(DeliverySerializer):
    """A delivery with its attempts."""

    log = AttemptSerializer(many=True, read_only=True)

    class Meta(DeliverySerializer.Meta):
        fields = [*DeliverySerializer.Meta.fields, "log"]


class DeliveryFilters(serializers.Serializer):
    """What a list of deliveries can be narrowed to; each `source` is a lookup."""

    status = serializers.ChoiceField(Status.choices, required=False)
    type = serializers.ChoiceField([*events.TYPES, events.TEST], required=False)
    event_id = serializers.UUIDField(required=False, source="message_id")
    created_from = OffsetDateTimeField(
        required=False,
        source="created_at__gte",
        help_text="Those of this moment or later; with its offset, a + as %2B.",
    )
    created_before = OffsetDateTimeField(
        required=False,
        source="created_at__lt",
        help_text="Those before this moment; with its offset, a + as %2B.",
    )


class SinceSerializer(serializers.Serializer):
    """From when on failed deliveries are made again."""

    since = OffsetDateTimeField(help_text="With its offset, as 2030-01-31T09:30:00-05:00.")


class ReplayedSerializer(serializers.Serializer):
    """How much is sent again."""

    replayed = serializers.IntegerField(help_text="Deliveries that are made again.")
