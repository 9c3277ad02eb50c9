"""The page of the API's documentation: Swagger, which comes with django-ninja, in a template of Eventsite."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from ninja import NinjaAPI
from ninja.openapi.docs import Swagger


class ApiDocs(Swagger):
    """Swagger without ninja's templates, which need an engine of their own. Its script reads `settings`."""

    def render_page(self, request: HttpRequest, api: NinjaAPI, **kwargs: Any) -> HttpResponse:
        settings = {**self.settings, "url": self.get_openapi_url(api, kwargs)}
        return render(request, "api_docs.html", {"settings": settings})
