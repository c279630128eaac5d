"""Chromium, and the screenshots it takes of the pages: ./dev/screenshots."""
