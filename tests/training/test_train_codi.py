import json
import re
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from harness.problems.synthetic import generate_split
from training import train_codi
from training.checkpoint import load_model
from training.codi import Vocabulary, answer_questions, project, prompt_batch, read, think
from training.evaluate import wilson
from training.muon import orthogonalise
from training.network import Network, Shape
from training.tokenizer import build_tokenizer
from training.train_codi import Recipe, Round, Trainer, learning_rate

GOLDEN = Path(__file__).parents[1] / "golden"
SHAPES = {
    "tiny-gpt2": Shape("gpt2", layers=2, heads=4, kv_heads=4, width=32, mlp=48, positions=160),
    "tiny-llama": Shape("llama", layers=2, heads=4, kv_heads=2, width=32, mlp=48, positions=160),
}
RECIPE = Recipe(
    teacher_steps=3,
    rounds=(Round(3, 4e-3), Round(1, 1e-3)),
    teacher_batch=6,
    student_batch=6,
    parts=2,
    shifted=0.5,
    report_every=2,
    validation=6,
)
TARGETS = {
    "tiny-gpt2": ["c_attn", "c_proj", "c_fc"],
    "tiny-llama": ["q_proj", "k_proj", "v_proj", "o_proj", "up_proj", "down_proj", "gate_proj"],
}


def train(name, folder, recipe=RECIPE, pause=False):
    trainer = Trainer(name, folder, 5, recipe, pause=pause, shape=SHAPES[name])
    trainer.train()
    return folder


@pytest.fixture(scope="module", params=sorted(SHAPES))
def trained(request, tmp_path_factory):
    torch.set_num_threads(1)
    return request.param, train(request.param, tmp_path_factory.mktemp(request.param))


def state_of(folder):
    return load_file(folder / "codi" / "model.safetensors")


def official_model(name, folder):
    """The saved model as transformers and PEFT build it, with the state dict loaded strictly."""
    config = AutoConfig.from_pretrained(folder / "base")
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    model.resize_token_embeddings(config.vocab_size + 3)
    settings = json.loads((folder / "codi" / "codi.json").read_text())
    lora = LoraConfig(
        r=settings["lora_r"],
        lora_alpha=settings["lora_alpha"],
        target_modules=TARGETS[name],
        fan_in_fan_out=name == "tiny-gpt2",
    )
    model = get_peft_model(model, lora)
    prefix = "codi."
    state = {key[len(prefix) :]: value.float() for key, value in state_of(folder).items() if key.startswith(prefix)}
    model.load_state_dict(state, strict=True)
    return model.eval()


def test_saved_keys_follow_the_official_pattern(trained):
    name, folder = trained
    golden = load_file(GOLDEN / name.removeprefix("tiny-") / "ckpt_safetensors" / "model.safetensors")

    def patterns(state):
        return {re.sub(r"\.\d+\.(?=self_attn|mlp|attn|ln_|input_|post_)", ".N.", key) for key in state}

    assert patterns(state_of(folder)) == patterns(golden)


def test_saved_model_is_half_precision_with_three_added_rows_and_no_base_weights(trained):
    _, folder = trained
    state = state_of(folder)
    assert {tensor.dtype for tensor in state.values()} == {torch.float16}
    vocabulary = AutoConfig.from_pretrained(folder / "base").vocab_size
    assert state["codi.base_model.model.lm_head.weight"].shape[0] == vocabulary + 3
    assert {path.name for path in (folder / "base").iterdir()} == {
        "config.json",
        "generation_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
    }


def test_our_network_computes_what_transformers_and_peft_compute(trained):
    name, folder = trained
    tokenizer = AutoTokenizer.from_pretrained(folder / "base")
    ids = torch.tensor([tokenizer(generate_split("test", 5)[0]["question"])["input_ids"]])
    model = official_model(name, folder)
    weights, _ = load_model(folder, SHAPES[name])
    network = Network(SHAPES[name], weights)
    length = ids.shape[1]
    bias = torch.full((length, length), -1e9).triu(1)[None, None]
    with torch.no_grad():
        expected = model(input_ids=ids, output_hidden_states=True)
        states, _ = network(network.embed(ids), torch.arange(length)[None], bias)
        logits = network.logits(states[-1])
    torch.testing.assert_close(logits, expected.logits, atol=1e-4, rtol=1e-4)
    for ours, theirs in zip(states, expected.hidden_states[:-1], strict=False):
        if ours is not states[0]:
            torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(states[-1], expected.hidden_states[-1], atol=1e-4, rtol=1e-4)


def test_a_question_is_answered_alike_alone_and_in_a_batch(trained):
    name, folder = trained
    weights, prj = load_model(folder, SHAPES[name])
    network, vocabulary = Network(SHAPES[name], weights), Vocabulary(AutoTokenizer.from_pretrained(folder / "base"))
    questions = sorted((p["question"] for p in generate_split("test", 5)[:8]), key=len)
    with torch.no_grad():
        together = think(network, prj, read(network, *prompt_batch(vocabulary, questions)), 6)
        alone = think(network, prj, read(network, *prompt_batch(vocabulary, questions[:1])), 6)
    torch.testing.assert_close(together[-1][0][:1], alone[-1][0], atol=1e-4, rtol=1e-4)


def test_same_seed_gives_the_same_bytes(trained, tmp_path):
    name, folder = trained
    again = train(name, tmp_path)
    assert (again / "codi" / "model.safetensors").read_bytes() == (folder / "codi" / "model.safetensors").read_bytes()


def test_an_interrupted_run_ends_where_an_uninterrupted_one_does(tmp_path, monkeypatch):
    whole = train("tiny-llama", tmp_path / "whole")
    kept = Trainer._student_step

    def interrupted(trainer):
        if trainer.run.step == 2:
            raise KeyboardInterrupt
        return kept(trainer)

    monkeypatch.setattr(Trainer, "_student_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train("tiny-llama", tmp_path / "cut")
    monkeypatch.undo()
    resumed = train("tiny-llama", tmp_path / "cut")
    for key, tensor in state_of(whole).items():
        torch.testing.assert_close(state_of(resumed)[key], tensor, rtol=0, atol=0)


def test_the_second_phase_changes_only_adapters_and_projection(tmp_path):
    trainer = Trainer("tiny-gpt2", tmp_path, 5, RECIPE, shape=SHAPES["tiny-gpt2"])
    trainer._begin_student()
    before = {name: tensor.clone() for name, tensor in {**trainer.run.base, **trainer.run.lora}.items()}
    trainer._phase(2, 1e-2, trainer._student_step, trainer._report_student)
    after = {**trainer.run.base, **trainer.run.lora}
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == set(trainer.run.lora)


def test_the_pause_control_feeds_one_constant(tmp_path):
    folder = train("tiny-llama", tmp_path, pause=True)
    state = state_of(folder)
    assert not state["prj.3.weight"].any()
    assert not state["prj.3.bias"].any()
    _, prj = load_model(folder, SHAPES["tiny-llama"])
    latents = project(prj, torch.randn(5, 32))
    torch.testing.assert_close(latents, prj["prj.ln.bias"].expand(5, 32))
    assert prj["prj.ln.bias"].any()


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_the_tokenizer_takes_any_text_and_keeps_small_numbers_whole(family):
    tokenizer = build_tokenizer(prepend_bos=family == "llama")
    assert 300 <= len(tokenizer) <= 330
    ids = tokenizer("Zoë paid $200, then 201?")["input_ids"]
    words = tokenizer.convert_ids_to_tokens(ids)
    start = ["<s>"] if family == "llama" else []
    assert words == [*start, "<unk>", "<unk>", "<unk>", "<unk>", "200", ",", "<unk>", "<unk>", "?"]
    for problem in generate_split("test", 5)[:200]:
        assert tokenizer.unk_token_id not in tokenizer(problem["question"] + problem["answer"])["input_ids"]


def test_orthogonalised_matrices_have_singular_values_near_one():
    matrices = torch.randn(3, 24, 40, generator=torch.Generator().manual_seed(0))
    for part in (matrices, matrices.mT):
        values = torch.linalg.svdvals(orthogonalise(part))
        assert values.min() > 0.6
        assert values.max() < 1.3


def test_learning_rate_warms_up_stays_and_falls_to_zero():
    recipe = Recipe(warmup=10, decay_from=0.5)
    rates = [learning_rate(recipe, step, 100) for step in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9:51] == [1.0] * 42
    assert rates[75] == pytest.approx(0.5)
    assert rates[100] == 0


def test_wilson_interval_agrees_with_scipy():
    from scipy.stats import binomtest

    for correct, count in ((0, 10), (17, 20), (900, 1319)):
        expected = binomtest(correct, count).proportion_ci(method="wilson")
        assert wilson(correct, count) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_greedy_answers_stop_at_the_limit_and_never_hold_added_tokens(trained):
    name, folder = trained
    weights, prj = load_model(folder, SHAPES[name])
    vocabulary = Vocabulary(AutoTokenizer.from_pretrained(folder / "base"))
    questions = [problem["question"] for problem in generate_split("test", 5)[:3]]
    texts = answer_questions(Network(SHAPES[name], weights), prj, vocabulary, questions, latents=6, max_tokens=4)
    assert len(texts) == 3
    assert all(len(text.split()) <= 4 for text in texts)


def test_the_command_trains_and_reports(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(train_codi, "SHAPES", SHAPES)
    train_codi.main(["tiny-llama", "--out", str(tmp_path), "--test", "8"], RECIPE)
    report = capsys.readouterr().out
    assert "phase 3 step 1 " in report
    assert re.search(r"all zeroed all +\d\.\d{3} \[.*\] \d/8", report)
