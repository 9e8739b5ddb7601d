"""A second opinion on the deployable: the templates on an emulator of another make."""
