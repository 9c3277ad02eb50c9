"""The pages of subscriptions: the list with their places in the log, and one subscription."""
