"""Files in any folder that fsspec supports: a local path, s3://, gs:// or abfs://."""
