"""Which models there are and where their files lie. Reads names and files only; never loads weights."""

import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, PositiveInt, ValidationError

from harness.errors import HarnessError
from harness.files import digest, file_digest

_BUILT_IN = Path(__file__).with_name("registry.toml")
_WEIGHT_FILES = ("model.safetensors", "pytorch_model.bin")
_WEIGHT_SUFFIXES = (".safetensors", ".bin")
_BASE_FILES = (
    "config.json",
    "tokenizer*",
    "vocab*",
    "merges.txt",
    "special_tokens_map.json",
    "added_tokens.json",
    "*.model",
)


class RegistryEntry(BaseModel):
    """One table of a registry file."""

    model_config = ConfigDict(extra="forbid")

    folder: str | None = None
    checkpoint: list[str] = []
    base: str | None = None
    dataset: str = "gsm8k"
    n_latents: PositiveInt = 6
    lora_alpha: float = 32.0
    remove_eos: bool = True


class CheckpointSettings(BaseModel):
    """The optional ``codi.json`` beside a state dict: what the tensors cannot tell."""

    model_config = ConfigDict(extra="ignore")

    lora_alpha: float | None = None
    num_latent: PositiveInt | None = None
    remove_eos: bool | None = None


@dataclass(frozen=True)
class ModelFiles:
    """Everything needed to build one model, resolved to files on this machine."""

    name: str
    weights: Path
    """The CODI state dict, ``.safetensors`` or ``.bin``."""
    base: Path
    """Folder with the base model's config and tokenizer (its weights are not needed)."""
    n_latents: int
    lora_alpha: float
    remove_eos: bool

    def overridden(self, **settings: Any) -> "ModelFiles":
        """The same files with those settings replaced that are not None."""
        return replace(self, **{name: value for name, value in settings.items() if value is not None})

    def fingerprint(self) -> str:
        """SHA-256 over the weights, the base's config and tokenizer, and the settings."""
        base_files = sorted(path for pattern in _BASE_FILES for path in self.base.glob(pattern) if path.is_file())
        return digest(
            file_digest(self.weights),
            *(f"{path.name}:{file_digest(path)}" for path in base_files),
            f"{self.n_latents}:{self.lora_alpha}:{self.remove_eos}",
        )


def registered_models(models_file: Path | None = None) -> dict[str, tuple[RegistryEntry, Path]]:
    """Every known name with its entry and the folder its relative paths start from.

    ``models_file``: a user's own TOML file; its tables come on top of the built-in ones.
    """
    known = _read_registry(_BUILT_IN)
    if models_file is not None:
        known |= _read_registry(models_file)
    return known


def _read_registry(path: Path) -> dict[str, tuple[RegistryEntry, Path]]:
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
        return {name: (RegistryEntry.model_validate(table), path.parent) for name, table in tables.items()}
    except FileNotFoundError:
        raise HarnessError(f"The models file {path} does not exist. Give --models an existing file.") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise HarnessError(f"The models file {path} cannot be read as TOML: {error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise HarnessError(f"The models file {path} is not valid: {where}: {first['msg']}.") from error


def find_entry(name: str, models_file: Path | None = None) -> tuple[RegistryEntry, Path]:
    """The entry called ``name``; an unknown name is an error that lists the known ones."""
    known = registered_models(models_file)
    if name not in known:
        raise HarnessError(
            f"No model is called {name!r}. Known models: {', '.join(sorted(known))}. "
            "Add your own in a TOML file and pass it with --models."
        )
    return known[name]


def locate(name: str, models_file: Path | None = None, checkpoint: str | None = None) -> ModelFiles:
    """Resolve a registered model to files, downloading config, tokenizer and state dict from the hub if need be.

    ``checkpoint`` (a model folder, a state dict's folder or file, or a hub id) replaces the registry's place.
    """
    entry, home = find_entry(name, models_file)
    root = _first_place(name, _places(entry, checkpoint), home)
    files = ModelFiles(
        name,
        _weights_in(name, root),
        _base_of(name, entry, home, root),
        entry.n_latents,
        entry.lora_alpha,
        entry.remove_eos,
    )
    return with_settings(files)


def locate_base(name: str, models_file: Path | None = None, checkpoint: str | None = None) -> Path:
    """The folder with a registered model's base config; unlike ``locate`` it never fetches a state dict."""
    entry, home = find_entry(name, models_file)
    return _base_of(name, entry, home, _local_place(_places(entry, checkpoint), home))


def locate_files(
    checkpoint: str | Path,
    base: str | Path,
    *,
    n_latents: int | None = None,
    lora_alpha: float | None = None,
    remove_eos: bool | None = None,
) -> ModelFiles:
    """Resolve an unregistered checkpoint; what the caller leaves open comes from codi.json, then the defaults."""
    root = _first_place(str(checkpoint), [str(checkpoint)], Path.cwd())
    default = RegistryEntry()
    files = with_settings(
        ModelFiles(
            Path(checkpoint).name,
            _weights_in(str(checkpoint), root),
            _base_folder(base, Path.cwd()),
            default.n_latents,
            default.lora_alpha,
            default.remove_eos,
        )
    )
    return files.overridden(n_latents=n_latents, lora_alpha=lora_alpha, remove_eos=remove_eos)


def with_settings(files: ModelFiles) -> ModelFiles:
    """``files`` with what a ``codi.json`` beside the state dict says; it beats the registry."""
    path = files.weights.parent / "codi.json"
    if not path.is_file():
        return files
    try:
        settings = CheckpointSettings.model_validate_json(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise HarnessError(f"{path} is not valid: {error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise HarnessError(
            f"{path} is not valid: {where}: {first['msg']}. Expected lora_alpha, num_latent, remove_eos."
        ) from error
    return files.overridden(
        n_latents=settings.num_latent, lora_alpha=settings.lora_alpha, remove_eos=settings.remove_eos
    )


def _places(entry: RegistryEntry, checkpoint: str | None) -> list[str]:
    return [checkpoint] if checkpoint else [*([entry.folder] if entry.folder else []), *entry.checkpoint]


def _local_place(places: list[str], home: Path) -> Path | None:
    for place in places:
        local = Path(place).expanduser()
        local = local if local.is_absolute() else home / local
        if local.exists():
            return local
        if Path(place).exists():
            return Path(place)
    return None


def _first_place(name: str, places: list[str], home: Path) -> Path:
    local = _local_place(places, home)
    if local is not None:
        return local
    hub_ids = [place for place in places if _looks_like_hub_id(place)]
    if hub_ids:
        return _download(
            hub_ids[-1],
            ["*.safetensors", "pytorch_model.bin", "codi.json"],
            f"checkpoint of {name!r} (no such folder here)",
        )
    raise HarnessError(
        f"No checkpoint for model {name!r}. Looked for: {', '.join(places) or 'nothing'}. "
        f"Put one there, or pass --checkpoint {name}=PATH (a folder with model.safetensors or pytorch_model.bin, "
        "or a hub id)."
    )


def _looks_like_hub_id(place: str) -> bool:
    return not place.startswith((".", "~", "/")) and place.count("/") == 1 and not place.endswith(_WEIGHT_SUFFIXES)


def _weights_in(name: str, root: Path) -> Path:
    if root.is_file():
        return root
    candidates = [
        folder / file for folder in (root / "codi", root) for file in _WEIGHT_FILES if (folder / file).is_file()
    ]
    if not candidates:
        raise HarnessError(
            f"Model {name!r}: no {' or '.join(_WEIGHT_FILES)} in {root} or {root / 'codi'}. "
            f"Pass the place of the CODI state dict with --checkpoint {name}=PATH."
        )
    return candidates[0]


def _base_of(name: str, entry: RegistryEntry, home: Path, root: Path | None) -> Path:
    """The base of a registered model whose checkpoint lies at ``root``, or is on the hub where that is None."""
    base: str | Path | None = entry.base
    if root is not None and (root / "base").is_dir():
        base = root / "base"
    elif entry.folder and base is None:
        base = home / entry.folder / "base"
    if base is None:
        raise HarnessError(
            f"Model {name!r}: {root or 'its checkpoint on the hub'} has no base/ folder and the registry names no base. "
            "Give the entry a `base` (a folder with config and tokenizer, or a hub id)."
        )
    return _base_folder(base, home)


def _base_folder(base: str | Path, home: Path) -> Path:
    local = Path(base).expanduser()
    for candidate in (local, home / local):
        if (candidate / "config.json").is_file():
            return candidate
    if isinstance(base, str) and (_looks_like_hub_id(base) or "/" not in base):
        return _download(base, list(_BASE_FILES), "base config and tokenizer")
    raise HarnessError(f"No base model at {base}: a folder with config.json and a tokenizer is needed.")


def _download(hub_id: str, patterns: list[str], what: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(hub_id, allow_patterns=patterns))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise HarnessError(
            f"Cannot get the {what} from the hub ({hub_id}): {reason}. Check the network and your access rights, "
            "or download it elsewhere and pass its folder with --checkpoint NAME=PATH."
        ) from error
