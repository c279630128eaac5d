"""Chromium, and the pictures that it takes of the pages: ./dev/screenshots."""
