"""Django's backend for Postgres, with a pool that lends no connection that has ended."""
