"""Only the owner of an installation can read its files."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from eventsite.data_dir import DataDir


def test_the_secret_key_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    data_dir = DataDir.at(tmp_path / "new" / "var")
    key = data_dir.secret_key()
    assert len(key) >= 50
    assert data_dir.secret_key() == key
    assert data_dir.path.stat().st_mode & 0o777 == 0o700
    assert (data_dir.path / "secret_key").stat().st_mode & 0o777 == 0o600


def test_each_installation_has_its_own_key(tmp_path: Path) -> None:
    assert DataDir.at(tmp_path / "a").secret_key() != DataDir.at(tmp_path / "b").secret_key()


def test_processes_that_start_together_agree_on_the_key(tmp_path: Path) -> None:
    data_dir = DataDir.at(tmp_path / "var")
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: data_dir.secret_key(), range(32)))
    assert len(keys) == 1
    assert [path.name for path in data_dir.path.iterdir()] == ["secret_key"]


def test_a_directory_that_was_there_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    DataDir.at(tmp_path).secret_key()
    assert tmp_path.stat().st_mode & 0o777 == 0o755
