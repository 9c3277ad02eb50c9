"""The tables of who may do what: tokens of agents, members and their ways in."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from events.columns import NameField
from events.models.log import Log


class Scope(models.TextChoices):
    """The rights of a token; `admin` includes all others."""

    APPEND = "append"
    READ = "read"
    CONSUME = "consume"
    SUPERVISE = "supervise"
    ADMIN = "admin"


class Token(models.Model):
    """A key to one log for an agent. Only its SHA-256 is kept, and its last four characters."""

    log = models.ForeignKey(Log, models.PROTECT, related_name="tokens")
    name = models.CharField(max_length=200)
    hash = models.BinaryField(unique=True)
    ending = models.CharField(max_length=4, blank=True, db_default="", help_text="its last characters; empty: not kept")
    scopes = ArrayField(models.CharField(max_length=10, choices=Scope.choices))
    stream_prefix = NameField(blank=True, default="")
    agent = NameField(null=True, blank=True, help_text="the only agent it may append as")
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    first_position = models.BigIntegerField(null=True, blank=True, help_text="of the first event that it appended")
    revoked_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "token"

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    """The role of a person in a log; each role includes the ones before it."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


class Member(models.Model):
    """A person's role in a log. A person who is not a member sees a 404."""

    log = models.ForeignKey(Log, models.CASCADE, related_name="members")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices)

    class Meta:
        db_table = "member"
        constraints = [models.UniqueConstraint(fields=["log", "user"], name="member_once")]

    def __str__(self) -> str:
        return f"{self.user} in {self.log}: {self.role}"

    @property
    def asker(self) -> str:
        """The name by which the person's jobs take turns, in all logs together."""
        return f"person:{self.user_id}"


class SignInAttempts(models.Model):
    """The number of attempts to sign in with a password, from one network or for one name, since a time.

    The key is a hash, as people may type a password into the field for the name.
    """

    key = models.BinaryField(primary_key=True)
    number = models.IntegerField(default=0)
    since = models.DateTimeField()

    class Meta:
        db_table = "sign_in_attempts"

    def __str__(self) -> str:
        return f"{self.number} since {self.since:%H:%M}"


class SignInLink(models.Model):
    """A link that signs one person in, once, for a short while. Only its SHA-256 is kept."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    hash = models.BinaryField(unique=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "sign_in_link"

    def __str__(self) -> str:
        return f"for {self.user} until {self.expires_at:%Y-%m-%d %H:%M}"
