"""Files in any folder that fsspec reaches: a local path, s3://, gs:// or abfs://."""
