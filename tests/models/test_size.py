"""The size that orders two models: known from the config alone, the same as the loaded model's."""

import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

from harness.errors import HarnessError
from harness.extraction.sizes import cached_size
from harness.models.registry import locate, locate_base, locate_files
from harness.models.size import n_parameters
from harness.models.thoughts import ThoughtModel

GOLDEN = Path(__file__).parents[1] / "golden"
TABLES = ("wte", "wpe", "embed_tokens", "lm_head")


@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
def test_the_config_tells_what_the_loaded_model_and_its_tensors_have(architecture: str) -> None:
    files = locate_files(GOLDEN / architecture / "ckpt_safetensors", GOLDEN / architecture / "base", lora_alpha=16)
    state = load_file(files.weights)
    counted = sum(
        tensor.numel()
        for name, tensor in state.items()
        if name.startswith("codi.") and ".lora_" not in name and not any(table in name for table in TABLES)
    )
    assert n_parameters(files.base) == counted == ThoughtModel(files).n_parameters


def test_the_embedded_llama_is_the_smaller_model() -> None:
    assert n_parameters(locate("tiny-llama").base) < n_parameters(locate("tiny-gpt2").base)


def test_a_size_is_counted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = GOLDEN / "llama" / "base"
    counted = cached_size(base, tmp_path)
    monkeypatch.setattr("harness.models.size.n_parameters", lambda base: -1)
    assert cached_size(base, tmp_path) == counted
    assert cached_size(GOLDEN / "gpt2" / "base", tmp_path) == -1
    (kept,) = [path for path in (tmp_path / "measurements").iterdir() if str(counted) in path.read_text()]
    kept.write_text("{")
    assert cached_size(base, tmp_path) == -1


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert cached_size(GOLDEN / "llama" / "base", tmp_path / "file") > 0


def test_a_known_size_is_read_without_torch(tmp_path: Path) -> None:
    base = GOLDEN / "llama" / "base"
    cached_size(base, tmp_path)
    script = (
        "import sys; from pathlib import Path; from harness.extraction.sizes import cached_size; "
        f"cached_size(Path({str(base)!r}), Path({str(tmp_path)!r})); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).parents[2])


def test_the_base_is_found_where_there_is_no_checkpoint_yet(tmp_path: Path) -> None:
    models = tmp_path / "models.toml"
    models.write_text(f'[later]\ncheckpoint = ["nobody/knows"]\nbase = "{GOLDEN / "llama" / "base"}"\n')
    assert locate_base("later", models) == GOLDEN / "llama" / "base"
    models.write_text('[later]\ncheckpoint = ["nobody/knows"]\n')
    with pytest.raises(HarnessError, match="no base/ folder and the registry names no base"):
        locate_base("later", models)


def test_a_base_beside_the_checkpoint_comes_before_the_registrys(tmp_path: Path) -> None:
    for file in (GOLDEN / "gpt2" / "base").glob("*.json"):
        (tmp_path / "mine" / "base").mkdir(parents=True, exist_ok=True)
        (tmp_path / "mine" / "base" / file.name).write_bytes(file.read_bytes())
    assert locate_base("tiny-llama", checkpoint=str(tmp_path / "mine")) == tmp_path / "mine" / "base"
