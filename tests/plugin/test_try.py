import pytest
pytest_plugins = ("pytester",)

def test_x(checks):
    r = checks("checks", script={"tiny-llama-1.2-max": {"verdict":"fail","measured":0.05}})
    assert r.ret == 1
    assert 0
