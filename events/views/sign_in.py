"""Signing in by a link. (Passwords go through Django's own login view.)"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from events.access.sign_in import consume, is_local, link_user


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest, token: str) -> HttpResponse:
    """`/sign-in/<token>/`: GET shows a button, since mail readers and chats open links; POST uses the link up."""
    if request.method == "POST" and consume(request, token):
        return redirect("home")
    refused = _refusal(request, token)
    return render(request, "events/sign_in.html", {"refused": refused}, status=403 if refused else 200)


def _refusal(request: HttpRequest, token: str) -> str:
    if not is_local(request):
        return "It came from another machine or through a proxy. Sign-in links are only good on the server’s own."
    if link_user(token) is None:
        return "It was used already, is older than 15 minutes, or was never made."
    return ""
