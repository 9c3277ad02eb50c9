"""The mapper: the spans and log records of one run become events. Pure."""
