"""The field as another process and other MQTT clients, for the demo and for tests."""
