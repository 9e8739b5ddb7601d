"""The data room: recorded bars read, checked, laid onto sessions, and kept."""
