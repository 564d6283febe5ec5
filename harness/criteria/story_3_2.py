"""Story 3.2: what Weights & Biases has of the run, read back from its file."""

from harness.criteria.criterion import Criterion, Measurement, NotMeasured, Rule
from harness.criteria.finished import FinishedRun
from harness.tracking.contents import MODEL_CRITERIA, PAIR_CRITERIA, contents
from harness.tracking.logged import missing
from harness.tracking.place import last_log
from harness.tracking.run_log import LogFailed, read_log


def logged(run: FinishedRun) -> Measurement:
    """The log of the run, held against a list of what must be in it and against the run's files."""
    if run.options.wandb == "off":
        raise NotMeasured("needs --wandb offline or --wandb online")
    run.require(MODEL_CRITERIA, PAIR_CRITERIA)
    if len(run.models) > 1 and not run.pairs:
        raise NotMeasured("needs what this run did not judge: story 2.6")
    log = last_log(run.output)
    if log.file is None:
        raise NotMeasured(f"needs a log: {log.notice}")
    judged = run.result.model_copy(update={"criteria": run.judged})
    try:
        read_back = read_log(run.absolute(log.file))
    except LogFailed as error:
        return Measurement("not read back", reason=str(error), artifacts=(log.file,))
    lacking = missing(read_back, contents(judged, run.output), judged)
    return Measurement(
        "complete" if not lacking else f"lacks {'; '.join(lacking[:3])}",
        n_problems=run.provenance["dataset"]["n"],
        beside={"lacking": len(lacking)},
        reason=log.notice,
        artifacts=(log.file,),
    )


CRITERIA = (
    Criterion(
        "3.2-wandb",
        "acceptance",
        "The run is logged",
        "The log's own file, read back after the run ended it: problems processed and time left; for every model mean, "
        "standard deviation and variance of attention by layer (also as points to draw lines through), the ten heads that "
        "come first by flow, hub, skip and composite score, the critical heads, the heatmaps; for two models their comparison "
        "and its line plots; every verdict but those of this phase; tags (attention-flow, dataset, models, {n}-samples, "
        "phases); config (model_name, n_problems, seed). Tables and numbers are those of the run's files, images by their "
        "SHA-256.",
        Rule("is", "complete"),
        logged,
        scope="run",
    ),
)
