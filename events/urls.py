"""Pages of the log. Names stand percent-encoded in paths, `/` among them: hence the path converters."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import path, register_converter

from events.converters import PositionConverter
from events.views.connect.page import connect, connect_arrivals, connect_map_now
from events.views.event import event
from events.views.held import held
from events.views.home import home
from events.views.pauses import pause, resume
from events.views.query_completion import completions, seen
from events.views.sign_in import log_in, sign_in
from events.views.streams import stream, streams
from events.views.subscriptions.listing import subscriptions
from events.views.subscriptions.orders import pause_subscription, release_deliveries, resume_subscription
from events.views.subscriptions.page import subscription
from events.views.subscriptions.rewind import rewind_subscription
from events.views.subscriptions.settings import change_subscription, make_subscription
from events.views.timeline import first_token, timeline
from events.views.tokens import revoke, tokens
from events.views.workflows import workflow, workflows

register_converter(PositionConverter, "position")

urlpatterns = [
    path("", home, name="home"),
    path("login/", log_in, name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("sign-in/<str:token>/", sign_in, name="sign-in"),
    path("logs/<slug:log>/", timeline, name="timeline"),
    path("logs/<slug:log>/first-token", first_token, name="first-token"),
    path("logs/<slug:log>/events/<position:position>", event, name="event"),
    path("logs/<slug:log>/streams/", streams, name="streams"),
    path("logs/<slug:log>/streams/<path:name>/", stream, name="stream"),
    path("logs/<slug:log>/workflows/", workflows, name="workflows"),
    path("logs/<slug:log>/workflows/<path:id>/", workflow, name="workflow"),
    path("logs/<slug:log>/subscriptions/", subscriptions, name="subscriptions"),
    path("logs/<slug:log>/subscriptions/<slug:name>", subscription, name="subscription"),
    path("logs/<slug:log>/make-subscription", make_subscription, name="subscription-make"),
    path("logs/<slug:log>/subscriptions/<slug:name>/settings", change_subscription, name="subscription-settings"),
    path("logs/<slug:log>/subscriptions/<slug:name>/pause", pause_subscription, name="subscription-pause"),
    path("logs/<slug:log>/subscriptions/<slug:name>/resume", resume_subscription, name="subscription-resume"),
    path("logs/<slug:log>/subscriptions/<slug:name>/release", release_deliveries, name="subscription-release"),
    path("logs/<slug:log>/subscriptions/<slug:name>/rewind", rewind_subscription, name="subscription-rewind"),
    path("logs/<slug:log>/pause", pause, name="pause"),
    path("logs/<slug:log>/resume", resume, name="resume"),
    path("logs/<slug:log>/held", held, name="held"),
    path("logs/<slug:log>/completions", completions, name="completions"),
    path("logs/<slug:log>/seen/<slug:name>", seen, name="seen"),
    path("logs/<slug:log>/connect/", connect, name="connect"),
    path("logs/<slug:log>/connect/arrivals", connect_arrivals, name="connect-arrivals"),
    path("logs/<slug:log>/connect/map-now", connect_map_now, name="connect-map-now"),
    path("logs/<slug:log>/tokens/", tokens, name="tokens"),
    path("logs/<slug:log>/tokens/<int:pk>/revoke", revoke, name="token-revoke"),
]
