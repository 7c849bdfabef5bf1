"""Sinks that act on events: a webhook, a program, a pin, a notification; and the rules that choose their events."""
