"""Where else is a run written down? Observers that hand it to experiment trackers.

Each takes a package of its own, which an extra of gradless installs:

``TensorBoard``, by ``pip install ".[tensorboard]"``
    event files in a folder
``MLflow``, by ``pip install ".[mlflow]"``
    a database in a folder, or a server
``Trackio``, by ``pip install ".[trackio]"``
    a project on this machine, in the way of Weights & Biases

All of them log the same over the number of evaluations: the loss, the best loss, accuracies where
there are any, seconds, and how many losses were not finite; and once the hyperparameters of
strategy and run, as :attr:`gradless.training.observers.RunInfo.hyperparameters` names them.
"""

from gradless.views.loggers.base import Logger
from gradless.views.loggers.mlflow import MLflow
from gradless.views.loggers.tensorboard import TensorBoard
from gradless.views.loggers.trackio import Trackio

__all__ = ["Logger", "MLflow", "TensorBoard", "Trackio"]
