"""The exchange: signing, REST, WebSocket book."""
