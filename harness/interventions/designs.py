"""The conditions of the studies, by readable name: which thoughts or heads are ablated, with what."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Literal

from harness.interventions.values import (
    BASELINE,
    AblateHeads,
    AblateInput,
    AblateThought,
    BlockAttention,
    Condition,
    Fill,
    Head,
    Itself,
    Mean,
    Noise,
    Resample,
    SequentialOnly,
    Sham,
    Shuffle,
    Zero,
)
from harness.measures.subsets import positions_of

Design = dict[str, Condition]
"""Conditions by name, in the order in which they are run."""

FILLS: Mapping[str, Fill] = {
    "zero": Zero(),
    "mean": Mean(),
    "noise 0.5": Noise(0.5),
    "noise 1": Noise(1.0),
    "noise 2": Noise(2.0),
    "resample": Resample(),
    "shuffle": Shuffle(),
}
"""What an ablated thought is replaced by; the first is the study's own."""
WHOLE = ("blocked", "input zero")
"""Ways to take a thought away at all layers at once."""
HEAD_FILLS: Mapping[str, Fill] = {"mean": Mean(), "zero": Zero(), "resample": Resample()}
"""What ablated heads hand on instead; the first is the study's own."""
SIDE_SETS = 100
"""Random head sets tried with the fills that only stand beside the study's own."""
Readers = Literal["both", "latents", "matched"]
"""From whom a thought is hidden: later latents and the answer, the latents alone, or the last latent and the answer."""
READERS: tuple[Readers, ...] = ("both", "latents", "matched")
HIDDEN = (0, 4)
"""Thoughts that the study of behaviour hides: the first, and a late one that a thought still reads."""
ALL_BLOCKED, SEQUENTIAL = "all blocked", "sequential only"
AT_LARGEST = 3
"""Most thoughts that the importance study ablates together."""


def places(L: int) -> dict[str, tuple[int, ...]]:
    """Where the residual stream is replaced: the study's probe layers, and all layers at once."""
    return {"middle": (L // 2,), "early": (L // 4,), "late": (7 * L // 8,), "all": tuple(range(L))}


def name_of(fill: str, positions: Sequence[int], place: str = "middle") -> str:
    """``zero CT0+CT2``, ``mean CT1 (late)``."""
    thoughts = "+".join(f"CT{position}" for position in positions)
    return f"{fill} {thoughts}" if place == "middle" else f"{fill} {thoughts} ({place})"


def importance_design(L: int, T: int, also_at: Sequence[str] = ()) -> Design:
    """Baseline, sham, every thought patched with itself, every thought ablated alone with every fill, pairs, triplets.

    All at the middle layer; ``also_at`` names further :func:`places` for the single thoughts. What leaves a layer at the last
    thought is read by the layers above alone, so every thought is also blocked (no later query reads it, at any layer) and
    has its input zeroed.
    """
    where = places(L)
    design: Design = {"baseline": BASELINE, "sham": (Sham(),)}
    everywhere = (AblateThought(tuple(range(T)), where["all"], Itself()),)
    design |= {
        f"itself CT{position}": (AblateThought((position,), where["middle"], Itself()),) for position in range(T)
    }
    design["itself, all thoughts and layers"] = everywhere
    for place in ("middle", *(one for one in also_at if one != "middle")):
        for fill, value in FILLS.items():
            for position in range(T):
                design[name_of(fill, (position,), place)] = (AblateThought((position,), where[place], value),)
    for position in range(T):
        design[name_of("blocked", (position,))] = (BlockAttention((position,)),)
        design[name_of("input zero", (position,))] = (AblateInput((position,), Zero()),)
    for size in range(2, min(AT_LARGEST, T) + 1):
        for positions in combinations(range(T), size):
            design[name_of("zero", positions)] = (AblateThought(positions, where["middle"], Zero()),)
    return design


def blocks_design(T: int) -> Design:
    """Baseline, sham, and every thought that later queries cannot read, for all of them, for latents alone, for the same two.

    With readers matched the last thought and the answer cannot read it, as many readers for every thought. All thoughts
    blocked, and each thought reading only its predecessor and itself, come last. See :func:`block_name` for those conditions
    that are one and the same.
    """
    last = T - 1
    design: Design = {"baseline": BASELINE, "sham": (Sham(),)}
    design |= {block_name("both", position, T): (BlockAttention((position,)),) for position in range(T)}
    design |= {
        block_name("latents", position, T): (BlockAttention((position,), "latents"),) for position in range(last)
    }
    for position in range(last - 1):
        matched = (BlockAttention((position,), (last,)), BlockAttention((position,), "answer"))
        design[block_name("matched", position, T)] = matched
    return design | {ALL_BLOCKED: (BlockAttention(tuple(range(T))),), SEQUENTIAL: (SequentialOnly(),)}


def block_name(readers: Readers, position: int, T: int) -> str:
    """The condition of :func:`blocks_design` that hides a thought from some of its readers.

    The last thought has no latent after it: hidden from latents it is a sham, and so is the condition. It and the one before
    have no other readers than the matched ones.
    """
    last = T - 1
    if readers == "latents":
        return f"blocked CT{position} for latents" if position < last else "sham"
    if readers == "matched" and position < last - 1:
        return f"blocked CT{position} for CT{last} and answer"
    return f"blocked CT{position}"


def followed_design(T: int) -> Design:
    """Baseline and the study's two blocked thoughts, as far as a later latent can read them."""
    design = blocks_design(T)
    names = ["baseline", *(block_name("both", position, T) for position in HIDDEN if position < T - 1)]
    return {name: design[name] for name in names}


def subsets_design(L: int, T: int, fill: str = "zero") -> Design:
    """Every subset of the thoughts ablated at the middle layer, in the order of their numbers, then a sham."""
    layers, value = places(L)["middle"], FILLS[fill]
    design: Design = {"baseline": BASELINE}
    for number in range(1, 1 << T):
        positions = positions_of(number, T)
        design[name_of(fill, positions)] = (AblateThought(positions, layers, value),)
    design["sham"] = (Sham(),)
    return design


def heads_design(chosen: Sequence[Head], others: Sequence[Sequence[Head]], L: int, H: int) -> Design:
    """Baseline, sham, the chosen heads and other sets of heads with every fill, and each head alone.

    All others are tried with the study's own fill, the first :data:`SIDE_SETS` with those beside it.
    """
    design: Design = {"baseline": BASELINE, "sham": (Sham(),)}
    for place, (fill, value) in enumerate(HEAD_FILLS.items()):
        tried = others if place == 0 else others[:SIDE_SETS]
        design[f"{fill} chosen"] = (AblateHeads(tuple(chosen), value),)
        design |= {f"{fill} random {number}": (AblateHeads(tuple(one), value),) for number, one in enumerate(tried)}
    alone = HEAD_FILLS["mean"]
    design |= {
        f"mean L{layer}H{head}": (AblateHeads(((layer, head),), alone),) for layer in range(L) for head in range(H)
    }
    return design
