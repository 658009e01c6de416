"""What a GPU would run, read from graphs and TensorFlow's registry of kernels: no GPU is needed."""

import pytest

from forecaster.augment import draw_epoch
from forecaster.settings import NETWORKS

pytestmark = pytest.mark.slow


def nodes_of(function, arguments):
    """All operations of a traced function, those of loops and branches included."""
    graph = function.get_concrete_function(*arguments).graph.as_graph_def()
    return [*graph.node, *(node for inner in graph.library.function for node in inner.node_def)]


def runs_on_gpu(node) -> bool:
    """Whether a kernel for GPUs, or for all devices, takes the node's types."""
    from tensorflow.python.framework import kernels

    def takes(constraint) -> bool:
        wanted = node.attr[constraint.name].type if constraint.name in node.attr else 0
        return not wanted or wanted in constraint.allowed_values.list.type

    registered = kernels.get_registered_kernels_for_op(node.op).kernel
    return any(k.device_type in ("GPU", "DEFAULT") and all(map(takes, k.constraint)) for k in registered)


def operations_of(model, windows):
    import tensorflow as tf

    from forecaster.models.keras_loop import TrainLoop

    model._start(windows)
    model.network_.optimizer = model.optimizer()
    epoch = draw_epoch(windows, model.settings.training, seed=1, epoch=1)
    drawn = [tf.constant(epoch.noise), [tf.constant(each) for each in epoch.per_window]]
    train = nodes_of(TrainLoop(model.network_, model.settings, windows)._run, drawn)
    return [*train, *nodes_of(model._predictor._run_batch, [])]


@pytest.fixture
def cuda(monkeypatch):
    """A TensorFlow with kernels for NVIDIA's GPUs, which believes that it has one."""
    import tensorflow as tf

    if not tf.test.is_built_with_cuda():
        pytest.skip("this TensorFlow was built without kernels for NVIDIA's GPUs")
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind=None: ["a GPU"] if kind == "GPU" else [])


@pytest.mark.parametrize("name", NETWORKS)
def test_every_operation_of_training_and_prediction_has_a_kernel_for_gpus(name, small_model, parts, cuda):
    nodes = operations_of(small_model(name), parts[0])
    assert {(node.op, runs_on_gpu(node)) for node in nodes if not runs_on_gpu(node)} == set()
    assert ("CudnnRNNV3" in {node.op for node in nodes}) == (name == "enhanced_lstm")


def test_an_operation_on_strings_has_none():
    import tensorflow as tf

    nodes = nodes_of(tf.function(tf.strings.lower), [tf.constant("BTC")])
    assert {node.op for node in nodes if not runs_on_gpu(node)} == {"StringLower"}
