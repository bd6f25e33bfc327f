"""The packages that formats need, which a light install leaves out."""

import pytest

PACKAGES = {
    "parquet": ("pyarrow",),
    "movement": ("xarray", "h5netcdf"),
    "sleap": ("sleap_io",),
    "c3d": ("ezc3d",),
    "nwb": ("pynwb", "ndx_pose"),
}


def need_packages(name):
    """Skip a test of a format where its packages are not installed."""
    for package in PACKAGES.get(name, ()):
        pytest.importorskip(package, reason=f"the format {name} needs {package}, which is not installed")
