"""The optional dependencies, which a light install leaves out, and the extras that install them."""

from __future__ import annotations

from importlib.util import find_spec

# by module; see pyproject.toml
_EXTRAS = {
    "torch": "gpu",
    "torchvision": "gpu",
    "onnx": "onnx",
    "onnxruntime": "onnx",
    "pycocotools": "eval",
    "hotcoco": "eval",
    "decord": "decord",
    "pyarrow": "parquet",
    "pandas": "science",
    "tables": "science",
    "h5py": "science",
    "xarray": "science",
    "h5netcdf": "science",
    "ezc3d": "science",
    "sleap_io": "science",
    "pynwb": "science",
    "ndx_pose": "science",
    "lightning_fabric": "train",
    "tensorboardX": "train",
    "matplotlib": "plot",
    "pyvirtualcam": "live",
    "fsspec": "cloud",
    "s3fs": "cloud",
    "gcsfs": "cloud",
    "adlfs": "cloud",
    "aiohttp": "cloud",
    "ray": "ray",
    "submitit": "slurm",
}


def require(*modules: str, purpose: str) -> None:
    """Raises ImportError, in one line with the pip command, if one of the modules is not installed.

    purpose: what needs them.

    >>> require("numpy", "cv2", purpose="everything")
    >>> require("numpy", "no_such_module", purpose="RAFT")
    Traceback (most recent call last):
    ImportError: RAFT needs no_such_module, which is not installed; pip install 'pose_track[all]'
    """
    missing = missing_modules(*modules)
    if missing:
        names, verb = " and ".join(missing), "is" if len(missing) == 1 else "are"
        raise ImportError(f"{purpose} needs {names}, which {verb} not installed; {install_command(*missing)}")


def missing_modules(*modules: str) -> list[str]:
    """Those of the modules that are not installed. Nothing is imported.

    >>> missing_modules("numpy", "no_such_module")
    ['no_such_module']
    """
    return [module for module in modules if not _is_installed(module)]


def install_command(*modules: str) -> str:
    """The pip command that installs the modules, by the extras that hold them.

    >>> install_command("torch", "torchvision"), install_command("onnx", "torch")
    ("pip install 'pose_track[gpu]'", "pip install 'pose_track[onnx,gpu]'")
    """
    extras = dict.fromkeys(_EXTRAS.get(module, "all") for module in modules)
    return f"pip install 'pose_track[{','.join(extras)}]'"


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):  # made unavailable by an import hook or by None in sys.modules
        return False
