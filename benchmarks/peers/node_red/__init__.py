"""Node-RED as a peer: MQTT in, a limit, MQTT out."""
