"""What do both estimators have in common? Fitting, warm starts, scales, files."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import (
    _check_sample_weight,
    check_is_fitted,
    column_or_1d,
    validate_data,
)

from gradless._core import defaults, forked
from gradless._core.devices import use_all_cores
from gradless._core.errors import InputError
from gradless.data import held_out
from gradless.data.equal_rows import merged
from gradless.data.scaling import Scales
from gradless.estimators import checkpoints, checks, files
from gradless.estimators.continuing import Continuing, like, of_round
from gradless.estimators.own_models import own_model
from gradless.estimators.remembered import Remembered
from gradless.models import first_weights, numpy_forward
from gradless.models.mlp import MLP
from gradless.objectives import Objective, Task
from gradless.objectives.extras import Extras, beside
from gradless.objectives.extras import at as extras_at
from gradless.objectives.extras import checked as checked_extras
from gradless.objectives.units import unit_for
from gradless.problems.scorer import HostMetric, HostMetricProblem, resolve
from gradless.strategies import restarting
from gradless.training import sessions
from gradless.training.learning import Kind, Learning
from gradless.training.loop import check_budget
from gradless.training.observers import Callback, Observer, checked
from gradless.training.progress import progress_lines
from gradless.training.records import Stop
from gradless.training.regularization import (
    averaged,
    checked_alpha,
    obstacle,
    settings_of,
    too_large,
)
from gradless.training.regularized import Settings
from gradless.training.regularized_session import RegularizedSession
from gradless.training.samples import Samples, filled, filled_to_powers
from gradless.training.session import Trained

_PARTIAL_SHARE = 0.1  # of the budget, for a call of partial_fit
_BUDGET = {False: "max_evaluations", True: "a tenth of max_evaluations"}  # in its name


class GradientFree(Continuing):
    """What both have in common."""

    def _keep_parameters(self, given: dict[str, Any]) -> None:
        """Keep what ``__init__`` was given, its ``locals()``, under the same names."""
        for name, value in given.items():
            if name != "self":
                setattr(self, name, value)

    def _train(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        *,
        given: Any,
        partial: bool,
        observers: Sequence[Observer] = (),
        extras: Extras | None = None,
    ) -> Self:
        """Fit arrays that were validated; ``given`` are the features as the user has them.

        ``extras`` are what the objective looks at besides, arrays (samples,) by role.
        """
        forked.check()
        use_all_cores()
        checks.settings(self)
        watchers = self._observers(observers)
        weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        task: Task = self._task_of(y)
        outputs = self._targets_of(y)
        n_outputs = self._n_outputs_of(outputs)
        sizes = (X.shape[1], *checks.sizes(self.hidden_layer_sizes), n_outputs)
        member: Any = MLP(sizes, self.activation, weights=self.weights)
        if self.model is not None:
            self._check_own(partial)
            member = own_model(self.model, X.shape[1], n_outputs)
        model = member
        objective = self._objective_for(task, n_outputs, len(X))
        seed = checks.seed(self.random_state)
        going_on = (partial or self.warm_start) and hasattr(self, "coefs_")
        if going_on:
            model = self._checked_model(member)

        new, before = (X, outputs, weight), None
        counted = weight > 0
        if partial:
            before = self._recalled(objective, seed) if going_on else Remembered.none_of(*new)
            pairs = zip(before[:3], new, strict=True)
            X, outputs, weight = (np.concatenate(pair) for pair in pairs)
            y = self._answers_of(outputs)
            given = like(given, X)
        looked_at = checked_extras(objective, extras, outputs)
        weighted = getattr(self, "class_weight", None) is not None or bool((weight != 1).any())
        weighted |= sample_weight is not None
        host = isinstance(objective, HostMetric)
        if isinstance(objective, HostMetric) and weighted and not objective.takes_weights():
            raise InputError(
                f"weights must be left out with the metric {objective.name}, which takes no "
                "sample_weight; or give a metric that takes them"
            )
        weight = self._weighted_by_class(y, weight)
        chosen = np.flatnonzero(weight > 0)
        if not len(chosen):
            raise InputError(
                "sample weights must be above 0 for one sample at least, got zero for every one"
            )
        self._check_counted(outputs[chosen], partial)
        weight = weight[chosen]
        if not host or weighted:
            one_of_each = merged(beside(X, looked_at)[chosen], outputs[chosen], weight)
            chosen, weight = chosen[one_of_each.first], one_of_each.weight
        X, outputs, y = X[chosen], outputs[chosen], y[chosen]
        settings = self._penalised(member, objective, task, partial)
        if settings is not None:
            rows = Samples(X, outputs, weight)  # of their shapes and classes alone
            settings = self._if_fitting(settings, rows, member, objective, task)
        if settings is not None:
            model = averaged(member, settings.starts)
        aside = np.zeros(len(outputs), bool)
        if settings is None:
            aside = self._aside(outputs, seed, partial)

        if partial:
            seen = self._seen_with(*(each[counted] for each in new), more=going_on)
        else:
            seen = self._moments_of(X[~aside], outputs[~aside], weight[~aside])
        scales = Scales.of(*seen, self.standardize)
        unit = None
        targets: Any = outputs
        if seen[1] is not None and isinstance(objective, Objective):
            unit = unit_for(objective, seen[1].spread)
            targets = scales.targets(outputs, unit.of_targets)
        read = isinstance(objective, HostMetric) and objective.reads_features
        samples = Samples(
            scales.inputs(X),
            targets,
            weight,
            y,
            _safe_indexing(given, chosen) if read else None,
            weighted,
            extras_at(looked_at, chosen),
        )
        rounds, kind = self._rounds + 1 if going_on else 0, Kind(task, model, objective)
        filling = filled_to_powers if partial else filled
        learning = Learning(
            kind=kind,
            samples=samples.at(np.flatnonzero(~aside)),
            held_out=samples.at(np.flatnonzero(aside)) if aside.any() else None,
            stop=self._limits(partial, settings),
            seed=of_round(seed, rounds),
            strategy=checks.strategy(self.strategy),
            restarts=restarting.checked(self.restarts),
            first=self._begins_with_log_loss(kind),
            unit=unit,
            output_scale=scales.output_scale,
            batch_size=self.batch_size,
            size=filling,
            patience=self.patience,
            of_metric=self._of_metric(objective, model, scales, filling) if host else None,
            member=member,
            settings=settings,
        )
        start = self._start(scales) if going_on else first_weights.drawn(model, learning.seed)
        plan = learning.plan(start, goes_on=going_on)
        told = {
            "estimator": type(self).__name__,
            "network": "-".join(map(str, model.sizes)),
            "samples": len(samples.inputs),
            "seed": learning.seed,
        }
        plan = dataclasses.replace(plan, settings=told)
        if settings is None:
            check_budget(plan.main.strategy, plan.main.stop, _BUDGET[partial])
        kept = None
        if self.checkpoint_dir is not None:
            kept = checkpoints.keeping(Path(self.checkpoint_dir), plan, samples)
        session = sessions.begun(plan, watchers, keeping=kept)
        if kept is not None:
            checkpoints.go_on(session, kept)
        self._keep(session.train(), session, model, scales)
        self._moments, self._rounds = seen, rounds
        self._remembered = None
        if before is not None:
            remembered = new[0][counted], new[1][counted], new[2][counted]
            self._remembered = before.and_of(remembered, learning.seed)
        return self

    def _check_own(self, partial: bool) -> None:
        """Refuse what does not go with a model of a person's own."""
        if partial or self.warm_start:
            raise InputError(
                "a model of your own must be fitted anew, by fit with warm_start=False; "
                "gradless.minimize goes on with any"
            )

    def _penalised(self, member: MLP, objective: Any, task: Task, partial: bool) -> Settings | None:
        """How a network is fitted with a penalty; None for a search."""
        alpha = checked_alpha(self.alpha)
        stop = Stop(evaluations=self.max_evaluations, seconds=self.max_time)
        why = obstacle(objective, task, member, stop, batch_size=self.batch_size)
        if partial or self.warm_start:
            why = "a network that goes on is searched for"
        elif self.early_stopping != "auto":
            why = "early_stopping was given"
        elif checks.strategy(self.strategy) is not None:
            why = "a strategy was given"
        elif restarting.checked(self.restarts) != restarting.NONE:
            why = "restarts were asked for"
        return settings_of(alpha, why, "alpha")

    def _if_fitting(
        self, settings: Settings, rows: Samples, member: MLP, objective: Any, task: Task
    ) -> Settings | None:
        """The same if these samples are neither too many nor the budget too small."""
        why = too_large(rows, task, member, objective, self._limits(False, settings), settings)
        return settings_of(settings.alpha, why, "alpha")

    def _limits(self, partial: bool, settings: Settings | None) -> Stop:
        """The budget, or for a call of ``partial_fit`` a part of it."""
        evaluations, seconds = self.max_evaluations, self.max_time
        if evaluations is None and seconds is None and settings is None:
            evaluations = defaults.EVALUATIONS
        if partial:
            evaluations = evaluations and max(1, int(_PARTIAL_SHARE * evaluations))
            seconds = seconds and _PARTIAL_SHARE * seconds
        return Stop(evaluations=evaluations, seconds=seconds)

    def _of_metric(
        self, metric: Any, model: MLP, scales: Scales, filling: Callable[[int], int]
    ) -> Callable[[Samples, Any, bool], HostMetricProblem]:
        """Makes problems of a metric in Python."""

        def problem(samples: Samples, params: Any, whole: bool) -> HostMetricProblem:
            size, batch_size = len(samples.inputs), self.batch_size
            batch_size = None if whole or (batch_size or size) >= size else batch_size
            assert samples.y_true is not None
            return HostMetricProblem(
                metric,
                samples.inputs,
                samples.y_true,
                samples.weight if samples.weighted else None,
                getattr(self, "classes_", None),
                model,
                params,
                batch_size=batch_size,
                filled=0 if batch_size else filling(size),
                scales=scales,
                given=samples.given,
            )

        return problem

    def _observers(self, given: Sequence[Observer]) -> list[Observer]:
        watchers = [*progress_lines(bool(self.verbose)), *checked(given)]
        return watchers if self.callback is None else [*watchers, Callback(self.callback)]

    def _objective_for(self, task: Task, n_outputs: int, rows: int) -> Objective | HostMetric:
        default = self._default_objective
        if task == "regression" and n_outputs > 1:
            default = "r2"  # in which every output counts by its own spread
        objective = resolve(self.objective, default, self.greater_is_better, self.n_jobs)
        if isinstance(objective, Objective):
            objective = objective.for_classes(getattr(self, "classes_", None)).for_rows(rows)
            objective.check(task, n_outputs)
        elif task == "classification":
            objective = objective.for_classes(self.classes_)
        return objective

    # --- What is given ----------------------------------------------------------------------------

    def _validated(self, X: Any, y: Any, *, reset: bool) -> tuple[Any, Any]:
        """Arrays of what was given."""
        numbers = self._default_objective == "squared_error"
        X, y = validate_data(
            self, X, y, reset=reset, dtype=np.float64, multi_output=True, y_numeric=numbers
        )
        if sparse.issparse(y):
            raise InputError("y must be a dense array, got a sparse one; give y.toarray()")
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return X, y

    def _aside(self, outputs: npt.NDArray[Any], seed: int, partial: bool) -> npt.NDArray[np.bool_]:
        """Which samples are held out."""
        nothing = np.zeros(len(outputs), bool)
        # A part of a budget is too short to learn anything by heart.
        if self.early_stopping is False or (self.early_stopping == "auto" and partial):
            return nothing
        share = None if self.early_stopping == "auto" else self.validation_fraction
        found = held_out.aside(outputs, share, seed)
        if not found.chosen.any() and share is not None:
            warnings.warn(
                "early_stopping=True was left out: no sample can be held out; give two or more of "
                "a class, or early_stopping=False",
                UserWarning,
                stacklevel=4,
            )
        return found.chosen

    def _weighted_by_class(self, y: Any, weight: npt.NDArray[Any]) -> npt.NDArray[Any]:
        del y
        return weight

    def _check_counted(self, outputs: npt.NDArray[Any], partial: bool) -> None:
        """Refuse samples of which nothing can be learnt."""

    def _begins_with_log_loss(self, kind: Kind) -> bool:
        del kind
        return False

    # --- What comes of it -------------------------------------------------------------------------

    def _keep(self, trained: Trained, session: Any, model: Any, scales: Scales) -> None:
        if isinstance(model, MLP):
            layers = model.used(trained.params)
            self.coefs_ = [np.asarray(layer.weights) for layer in layers]
            self.intercepts_ = [np.asarray(layer.biases) for layer in layers]
        else:
            self.params_ = jax.tree.map(np.asarray, trained.params)
            self.model_ = model.rebuilt(jax.tree.map(jnp.asarray, trained.params))
        self.feature_mean_, self.feature_scale_ = scales.mean, scales.scale
        self.output_shift_, self.output_scale_ = scales.output_shift, scales.output_scale
        main, looks = session.plan.main, session.validation
        self.best_loss_ = trained.loss
        self.history_ = session.history
        self.n_evaluations_ = session.evaluations
        self.strategy_ = main.strategy
        self.strategy_reason_ = main.why
        self.stopped_because_ = trained.stopped_because
        seen = [] if looks is None else [float(main.told(look.loss)) for look in looks.shown]
        self.validation_losses_ = np.asarray(seen)
        self.n_outputs_ = model.sizes[-1]
        self._model = model
        found = session.found if isinstance(session, RegularizedSession) else None
        self.alpha_ = 0.0 if found is None else float(found.alpha)
        empty = np.empty(0)
        self.alphas_ = empty if found is None else np.asarray(found.strengths)
        self.cv_losses_ = empty if found is None else np.asarray(found.losses)

    @property
    def loss_curve_(self) -> list[float]:
        """Loss of the generations that ``history_`` has kept."""
        check_is_fitted(self)
        return [float(loss) for loss in self.history_.column("loss")]

    def _outputs(self, X: Any) -> npt.NDArray[np.float64]:
        """Outputs of the network, in the units of the targets, (samples, outputs)."""
        check_is_fitted(self)
        return self._of_network(validate_data(self, X, reset=False, dtype=np.float64))

    def _of_network(self, X: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        inputs = self._scales.inputs(X)
        if not isinstance(self._model, MLP):
            applied = self._model.compiled(self.params_, jnp.asarray(inputs, jnp.float32))
            return self._scales.outputs(np.asarray(applied, np.float64))
        layers = self.coefs_, self.intercepts_
        return self._scales.outputs(numpy_forward.outputs(inputs, *layers, self._model.activation))

    def save(self, path: str | Path) -> None:
        """Write what was learnt and the parameters to one safetensors file, without pickle.

        Parameters
        ----------
        path
            The file. :func:`gradless.load_estimator` reads it.

        Raises
        ------
        InputError
            If a parameter is one that no file can hold, such as a function, or the file cannot be
            written.
        """
        check_is_fitted(self)
        if not isinstance(self._model, MLP):
            raise InputError(
                "an estimator with a model of its own must be kept by that model's package: "
                "params_ holds its parameters. save writes the shipped network alone"
            )
        files.write(self, Path(path))

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read an estimator of this class that :meth:`save` wrote.

        Raises
        ------
        InputError
            If the file is missing, damaged, or holds something else.
        """
        from gradless.estimators.loading import load  # noqa: PLC0415 - which imports this class

        loaded = load(path)
        if not isinstance(loaded, cls):
            raise InputError(
                f"{path} must hold a {cls.__name__}, got a {type(loaded).__name__}; use "
                "gradless.load_estimator"
            )
        return loaded
