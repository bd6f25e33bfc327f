"""Weights that torchvision publishes for its own networks."""

from __future__ import annotations

import pickle
from pathlib import Path

import torch
from torch import nn
from torchvision.models import get_model_weights


def load_published(network: nn.Module, name: str, remedy: str) -> None:
    """Give torchvision's network `name` its published weights, which are downloaded once, checked by their hash and
    kept in torch's cache folder.

    remedy: what else to do where there is no network, for the ConnectionError, which names the URL. Raises ValueError
    where the file there is not what it should be.
    """
    published = get_model_weights(name).DEFAULT
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    try:
        network.load_state_dict(published.get_state_dict(progress=True, check_hash=True))
    except OSError as error:
        where = f"{published.url} ({error}); put the file into {folder}"
        raise ConnectionError(f"cannot download the weights of {name} from {where}, {remedy}") from None
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        file = folder / Path(published.url).name
        raise ValueError(f"{file} is not what {published.url} holds ({error}); remove it and try again") from error
