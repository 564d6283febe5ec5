import itertools

import numpy as np
import pytest

from harness.figures import style

# Severity 1.0, on linear RGB: Machado, Oliveira and Fernandes, IEEE TVCG 15(6), 2009.
SIGHT = {
    "full": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
TO_XYZ = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]


def _lab(colour, sight):
    srgb = np.array([int(colour[index : index + 2], 16) for index in (1, 3, 5)]) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.asarray(SIGHT[sight]) @ linear, 0, 1)
    xyz = np.asarray(TO_XYZ) @ seen / [0.9505, 1.0, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("sight", SIGHT)
def test_head_types_keep_colours_that_differ_for_every_reader(sight):
    for one, other in itertools.combinations(style.TYPE_COLOURS.values(), 2):
        assert np.linalg.norm(_lab(one, sight) - _lab(other, sight)) > 20


def test_head_types_are_red_blue_green_purple_and_grey():
    channels = {name: [int(c[i : i + 2], 16) for i in (1, 3, 5)] for name, c in style.TYPE_COLOURS.items()}
    assert [int(np.argmax(channels[name])) for name in ("Forward Flow", "Hub Aggregator", "Skip Connection")] == [
        0,
        2,
        1,
    ]
    assert min(channels["Multi-Purpose"][::2]) > 2 * channels["Multi-Purpose"][1]
    assert len(set(channels["None"])) == 1


@pytest.mark.parametrize("background", ["#ffffff", "#14161a"])
@pytest.mark.parametrize("colour", [style.MEASURED, style.ACCENT, style.SECOND, style.MUTED])
def test_marks_stand_out_on_light_and_dark_pages(colour, background):
    def luminance(value):
        srgb = np.array([int(value[index : index + 2], 16) for index in (1, 3, 5)]) / 255
        linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    low, high = sorted((luminance(colour), luminance(background)))
    assert (high + 0.05) / (low + 0.05) >= 3
