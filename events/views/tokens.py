"""The page of a log's tokens, which exists for its admins alone."""

from __future__ import annotations

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from events.access.tokens import create_token
from events.models import Member, Role, Scope, Token
from events.views.forms import TokenForm
from events.views.page import log_page, show


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@log_page(Role.ADMIN)
def tokens(request: HttpRequest, member: Member) -> HttpResponse:
    """`/logs/<log>/tokens/`: the list; a POST creates a token and shows it once."""
    form = TokenForm(request.POST or None)
    token = _create(member, form) if request.method == "POST" and form.is_valid() else None
    context = {
        "here": "tokens",
        "form": form if token is None else TokenForm(),
        "made": token,
        "scopes": Scope.choices,
        "chosen": form["scopes"].value() or [] if token is None else [Scope.APPEND, Scope.READ],
        "tokens": Token.objects.filter(log=member.log).order_by("-created_at", "-pk"),
        "now": timezone.now(),
        "base_url": request.build_absolute_uri("/"),
    }
    return show(request, member, template="events/tokens.html", context=context, status=400 if form.errors else 200)


@require_POST
@log_page(Role.ADMIN)
def revoke(request: HttpRequest, member: Member, pk: int) -> HttpResponse:
    """`/logs/<log>/tokens/<pk>/revoke`: the token is refused from now on; its row stays, for the record."""
    Token.objects.filter(log=member.log, pk=pk, revoked_at=None).update(revoked_at=timezone.now())
    return redirect("tokens", member.log.name)


def _create(member: Member, form: TokenForm) -> str:
    fields = form.cleaned_data
    days = fields["expires_in_days"]
    return create_token(
        member.log,
        name=fields["name"],
        scopes=[Scope(scope) for scope in fields["scopes"]],
        stream_prefix=fields["stream_prefix"],
        agent=fields["agent"] or None,
        expires_at=timezone.now() + timedelta(days=days) if days else None,
    )
