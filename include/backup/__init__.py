"""A way back: the keyspace and the mart as files in a folder or object store, and their restore.

It works over the driver alone, so also where no operator's snapshot exists (docs/backup.md).
"""
