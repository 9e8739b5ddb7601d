"""The index vendor: REST aggregates, snapshot, WebSocket."""
