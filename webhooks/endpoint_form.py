"""The admin's form of a webhook."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from clinics.access import Access
from clinics.models import Clinic, Organization
from clinics.permissions import Action
from webhooks import addresses, endpoints, events
from webhooks.models import Endpoint


class EndpointForm(forms.ModelForm):
    """A webhook as whoever `asker` says sets it up or changes it."""

    asker: Access
    event_types = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple,
        choices=[(type, f"{type}: {words}") for type, words in events.TYPES.items()],
        required=False,
        help_text="None chosen: all of them, also those to come.",
    )
    clinics = forms.ModelMultipleChoiceField(
        Clinic.objects.none(),
        required=False,
        help_text="None chosen: all of the organization's.",
    )

    class Meta:
        model = Endpoint
        fields = ["organization", "url", "description", "event_types", "clinics"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        may = self.asker.visible
        own: Any = self.fields
        clinics = may(Clinic.objects.all(), Action.MANAGE_ACCESS)
        if "organization" in own:
            organizations = may(Organization.objects.all(), Action.MANAGE_ACCESS)
            own["organization"].queryset = organizations
        else:
            clinics = clinics.filter(organization_id=self.instance.organization_id)
        own["clinics"].queryset = clinics

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"]
        if url != self.instance.url:
            addresses.validate(url)
        return url

    def clean_clinics(self) -> list[Any]:
        return sorted(clinic.pk for clinic in self.cleaned_data["clinics"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        is_new = "organization" in cleaned
        organization = cleaned["organization"] if is_new else self.instance.organization
        own = Clinic.objects.filter(organization=organization, pk__in=cleaned["clinics"])
        if own.count() != len(cleaned["clinics"]):
            self.add_error("clinics", "A webhook is for clinics of its own organization.")
        try:
            if is_new:
                endpoints.check_new(self.asker, organization)
            elif endpoints.DIRECTING & set(self.changed_data):
                endpoints.check(self.asker, organization)
        except (endpoints.MoreThanOwn, endpoints.TooMany) as error:
            raise ValidationError(str(error)) from None
        return cleaned
