"""Publishes events to an MQTT broker, and announces them to Home Assistant."""
