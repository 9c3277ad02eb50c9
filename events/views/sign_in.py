"""The pages on which a person signs in, by a password or by a link."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from events.access.network import network_of
from events.access.passwords import Attempt, TooManyAttempts
from events.access.sign_in import consume, is_local, link_user


class PasswordForm(AuthenticationForm):
    """Django's form, which also counts attempts."""

    def clean(self) -> dict[str, Any]:
        """Check the password, or raise `TooManyAttempts` before that."""
        address = self.request.META.get("REMOTE_ADDR", "") if self.request else ""
        attempt = Attempt(network_of(address), self.cleaned_data.get("username", ""))
        attempt.count()
        fields = super().clean()
        attempt.forgive()
        return fields


_password_view = LoginView.as_view(
    template_name="events/login.html", authentication_form=PasswordForm, extra_context={"refused": ""}
)


def log_in(request: HttpRequest) -> HttpResponseBase:
    """`/login/`: by a name and a password; 429 after too many attempts."""
    try:
        return _password_view(request)
    except TooManyAttempts as error:
        context = {"form": PasswordForm(request), "next": request.POST.get("next", ""), "refused": error.detail}
        response = render(request, "events/login.html", context, status=error.status)
        response["Retry-After"] = str(error.retry_after)
        return response


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest, token: str) -> HttpResponse:
    """`/sign-in/<token>/`: GET shows a button, since mail readers and chats open links; POST uses the link up."""
    if request.method == "POST" and consume(request, token):
        return redirect("home")
    reason = _refusal(request, token)
    return render(request, "events/sign_in.html", {"refused": reason}, status=403 if reason else 200)


def _refusal(request: HttpRequest, token: str) -> str:
    if not is_local(request):
        return "The request came from another machine or through a proxy. Use the link on the server’s own machine."
    if link_user(token) is None:
        return "The link was used already, is older than 15 minutes, or was never made."
    return ""
