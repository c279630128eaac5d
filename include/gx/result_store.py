"""A Great Expectations store in any folder that fsspec supports: local, s3://, gs://, abfs://.

GX Core 1.24 itself has a file store for local folders only.
"""

from typing import Any

from great_expectations.data_context.store.tuple_store_backend import TupleStoreBackend
from great_expectations.exceptions import InvalidKeyError
from upath import UPath

from include.storage.whole_files import DRAFT, write_whole

FOLDER_STORE: dict[str, Any] = {
    "module_name": __name__,
    "class_name": "FolderStoreBackend",
}


class FolderStoreBackend(TupleStoreBackend):
    """A store backend with one object per key, under a URL.

    Args:
        base_url: Folder; it need not exist yet.
        arguments: Of the parent class: filepath_suffix and others.
    """

    def __init__(self, base_url: str, **arguments: Any) -> None:  # noqa: ANN401 - GX's own
        super().__init__(platform_specific_separator=False, **arguments)
        self._folder = UPath(base_url)
        self._config = {**FOLDER_STORE, "base_url": base_url, **arguments}
        if not self._suppress_store_backend_id:
            _ = self.store_backend_id

    def path(self, key: tuple[str, ...]) -> UPath:
        """Return the path of a key's object."""
        name: str = self._convert_key_to_filepath(key)  # type: ignore[no-untyped-call]
        return self._folder / name

    def list_keys(self, prefix: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
        """Return the keys of all objects under a prefix."""
        start = self._folder.joinpath(*prefix)
        found = start.rglob("*") if start.exists() else ()
        keys = [
            self._convert_filepath_to_key(  # type: ignore[no-untyped-call]
                file.path.removeprefix(self._folder.path).lstrip("/")
            )
            for file in found
            if file.suffix != DRAFT
            and file.is_file()
            and not self._is_missing_prefix_or_suffix(
                self.filepath_prefix, self.filepath_suffix, file.name
            )
        ]
        return [key for key in keys if key and not self.is_ignored_key(key)]  # type: ignore[no-untyped-call]

    def remove_key(self, key: Any) -> bool:  # type: ignore[override] # noqa: ANN401 - GX's
        """Delete an object; tell whether there was one."""
        file = self.path(key if isinstance(key, tuple) else key.to_tuple())
        if not file.exists():
            return False
        file.unlink()
        return True

    def _get(self, key: tuple[str, ...]) -> str:  # type: ignore[override]
        try:
            return self.path(key).read_text(encoding="utf-8")
        except FileNotFoundError as error:
            raise InvalidKeyError(f"there is no {self.path(key)}") from error

    def _get_all(self) -> list[str]:
        return [self._get(key) for key in self.list_keys()]

    def _set(self, key: tuple[str, ...], value: str | bytes, **_: object) -> str:  # type: ignore[override]
        file = self.path(key)
        write_whole(file, value)
        return str(file)

    def _has_key(self, key: tuple[str, ...]) -> bool:
        return self.path(key).is_file()

    def _move(  # type: ignore[override]
        self, source_key: tuple[str, ...], dest_key: tuple[str, ...], **_: object
    ) -> tuple[str, ...]:
        self.path(source_key).rename(self.path(dest_key))
        return dest_key
