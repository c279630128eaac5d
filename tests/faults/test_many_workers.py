"""Many workers at the gate at once."""

import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

from include.gx.batches import check_batch
from include.gx.checkpoints import Checkpoints
from include.gx.suites import Suite
from tests.fakes.builders import batch


def judge_symbols(results, worker):
    """What one worker does: ten symbols, one after the other."""
    checkpoints = Checkpoints(results)
    names = [f"W{worker}S{number}USDT" for number in range(10)]
    return {
        name: check_batch(checkpoints, batch(symbol=name), symbol=name, stored={}).failed
        for name in names
    }


def test_loses_no_result_when_four_workers_judge_forty_symbols_at_once(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(4, mp_context=spawn) as pool:
        futures = [pool.submit(judge_symbols, str(tmp_path), worker) for worker in range(4)]
        said = {name: failed for future in futures for name, failed in future.result().items()}

    assert said == dict.fromkeys(said, ())
    assert len(said) == 40
    for suite in (Suite.SECOND_PRICES, Suite.EXCHANGE_MINUTES):
        files = [*(tmp_path / "validations" / suite.value).rglob("*.json")]
        runs = {file.parts[-3] for file in files}
        assert runs == {f"{name}-20260301T1200-20260301T1201" for name in said}
        assert all(json.loads(file.read_text())["success"] for file in files)
    assert len([*(tmp_path / "new").iterdir()]) == 80
