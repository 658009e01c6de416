"""Layers of our own beside the plain Keras layers whose numbers they must give: values and gradients."""

import numpy as np
import pytest

pytestmark = pytest.mark.slow


def windows(n=2, lookback=10, n_features=3):
    return np.random.default_rng(0).standard_normal((n, lookback, n_features)).astype(np.float32)


def weighted_sum(outputs):
    """A loss to which every output counts differently, so that no gradient hides behind another."""
    import tensorflow as tf

    rng = np.random.default_rng(1)
    return tf.add_n([tf.reduce_sum(part * rng.standard_normal(part.shape)) for part in outputs])


def run(layer, weights, x):
    """Outputs as a list, gradient of the input, gradient of each weight."""
    import tensorflow as tf

    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        outputs = layer(x)
        outputs = list(outputs) if isinstance(outputs, list | tuple) else [outputs]
        loss = weighted_sum(outputs)
    return outputs, *tape.gradient(loss, (x, weights))


def shake(*layers, shape):
    """Build every layer and give all the same random weights."""
    rng = np.random.default_rng(2)
    for layer in layers:
        layer.build(shape)
    weights = [0.5 * rng.standard_normal(weight.shape) for weight in layers[0].weights]
    for layer in layers:
        layer.set_weights(weights)


def assert_same(ours, theirs, atol=3e-6):
    import keras

    for one, other in zip(keras.tree.flatten(ours), keras.tree.flatten(theirs), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=atol)


@pytest.mark.parametrize("go_backwards", [False, True])
@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("return_state", [False, True])
def test_block_lstm_is_keras_lstm(go_backwards, return_sequences, return_state):
    import keras

    from forecaster.models.layers.block_lstm import BlockLSTM

    arguments = {"return_sequences": return_sequences, "go_backwards": go_backwards, "return_state": return_state}
    theirs, ours = keras.layers.LSTM(4, **arguments), BlockLSTM(4, **arguments)
    shake(theirs, ours, shape=windows().shape)
    assert_same(*(run(layer, layer.trainable_weights, windows()) for layer in (ours, theirs)))


def test_block_lstm_starts_from_a_state_and_passes_its_gradient_on():
    import keras
    import tensorflow as tf

    from forecaster.models.layers.block_lstm import BlockLSTM

    layers = keras.layers.LSTM(4, return_state=True), BlockLSTM(4, return_state=True)
    shake(*layers, shape=windows().shape)
    start = [tf.Variable(part) for part in np.split(windows(1, 4, 4)[0], 2)]
    results = [run(lambda x, layer=layer: layer(x, initial_state=start), start, windows()) for layer in layers]
    assert_same(*results)


def plain_normalized_bidirectional(units):
    """`LayerNormalization` and `Bidirectional` of Keras, one after the other."""
    import keras

    norm = keras.layers.LayerNormalization()
    return keras.Sequential([norm, keras.layers.Bidirectional(keras.layers.LSTM(units, return_sequences=True))])


def test_normalized_bidirectional_is_keras_layer_normalization_and_bidirectional():
    from forecaster.models.layers.block_lstm import BlockLSTM
    from forecaster.models.layers.normalized_bidirectional import NormalizedBidirectional

    theirs, ours = plain_normalized_bidirectional(4), NormalizedBidirectional(BlockLSTM(4, return_sequences=True))
    shake(theirs, ours, shape=windows().shape)
    assert_same(*(run(layer, layer.trainable_weights, windows()) for layer in (ours, theirs)), atol=1e-5)


def test_normalized_bidirectional_gives_the_same_numbers_where_nothing_is_fused():
    import keras

    from forecaster.models.layers.block_lstm import BlockLSTM
    from forecaster.models.layers.normalized_bidirectional import NormalizedBidirectional

    layers = [NormalizedBidirectional(cls(4, return_sequences=True)) for cls in (keras.layers.LSTM, BlockLSTM)]
    shake(*layers, shape=windows().shape)
    assert_same(*(run(layer, layer.trainable_weights, windows()) for layer in layers), atol=1e-5)


def computed_products(function, *arguments):
    """Shapes of the matrix products that the outputs of a traced function depend on: others never run."""
    graph = function.get_concrete_function(*arguments).graph
    pending, seen = list(graph.outputs), {}
    while pending:
        operation = pending.pop().op
        if operation.name not in seen:
            seen[operation.name] = operation
            pending += operation.inputs
    return [tuple(operation.outputs[0].shape) for operation in seen.values() if operation.type == "MatMul"]


@pytest.mark.parametrize("is_watched", [False, True])
def test_the_products_that_give_the_gradient_of_windows_run_only_where_it_is_asked_for(is_watched):
    import tensorflow as tf

    from forecaster.models.layers.block_lstm import BlockLSTM
    from forecaster.models.layers.normalized_bidirectional import NormalizedBidirectional

    layer = NormalizedBidirectional(BlockLSTM(4, return_sequences=True))

    @tf.function(autograph=False)
    def gradients(x):
        layer(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = weighted_sum([layer(x)])
        return tape.gradient(loss, [x, *layer.trainable_weights][0 if is_watched else 1 :])

    products = computed_products(gradients, tf.constant(windows(n_features=5)))
    assert products.count((20, 5)) == (2 if is_watched else 0)  # from gates of 2 x 10 steps back to features


def test_weights_of_keras_lstm_load_from_a_file_and_back(tmp_path):
    import keras

    from forecaster.models.layers.block_lstm import BlockLSTM

    networks = [
        keras.Sequential([keras.Input((10, 3), 2), keras.layers.Bidirectional(cls(4, name="lstm"), name="both")])
        for cls in (keras.layers.LSTM, BlockLSTM)
    ]
    for source, target in (networks, networks[::-1]):
        shake(source, shape=windows().shape)
        path = tmp_path / f"{type(source.layers[0].forward_layer).__name__}.weights.h5"
        source.save_weights(path)
        target.load_weights(path)
        assert_same(target(windows()), source(windows()))


def joint(projections, axis):
    """Kernels or biases of query, key and value side by side, heads in order."""
    return np.concatenate([np.reshape(part, (*part.shape[:axis], -1)) for part in projections], axis=-1)


def joint_weights(weights, width):
    """Weights (or gradients) of Keras' attention in the layout of ours."""
    *projections, out_kernel, out_bias = map(np.asarray, weights)
    return [joint(projections[0::2], 1), joint(projections[1::2], 0), out_kernel.reshape(width, width), out_bias]


def test_causal_attention_is_keras_attention_with_a_causal_mask():
    import keras

    from forecaster.models.layers.causal_attention import CausalSelfAttention

    x = windows(n_features=8)
    ours, theirs = CausalSelfAttention(n_heads=2), keras.layers.MultiHeadAttention(2, key_dim=4)
    theirs.build(x.shape, x.shape)
    ours.build(x.shape)
    rng = np.random.default_rng(2)
    theirs.set_weights([rng.standard_normal(weight.shape) for weight in theirs.weights])
    ours.set_weights(joint_weights(theirs.get_weights(), 8))
    outputs, d_x, d_weights = run(lambda x: theirs(x, x, use_causal_mask=True), theirs.trainable_weights, x)
    assert_same(run(ours, ours.trainable_weights, x), (outputs, d_x, joint_weights(d_weights, 8)), atol=3e-5)


@pytest.mark.parametrize("kernel_size", [1, 3, 4, 25])
def test_series_decomposition_is_keras_average_pooling_and_the_rest(kernel_size):
    import keras

    from forecaster.models.layers.series_decomposition import SeriesDecomposition

    pool = keras.layers.AveragePooling1D(kernel_size, strides=1, padding="same")
    theirs = run(lambda x: (pool(x), x - pool(x)), [], windows())
    assert_same(run(SeriesDecomposition(kernel_size), [], windows()), theirs)


def test_last_step_is_keras_cropping():
    import keras

    from forecaster.models.layers.last_step import LastStep

    crop = keras.Sequential([keras.layers.Cropping1D((9, 0)), keras.layers.Flatten()])
    assert_same(run(LastStep(), [], windows()), run(crop, [], windows()))


def turned(layer):
    """A layer that takes time first, given and giving windows with time second."""
    import tensorflow as tf

    return lambda x: tf.transpose(layer(tf.transpose(x, [1, 0, 2])), [1, 0, 2])


@pytest.mark.parametrize(("kernel_size", "dilation"), [(1, 1), (2, 3), (3, 1), (3, 4), (3, 8)])
def test_causal_convolution_is_keras_convolution_with_time_first(kernel_size, dilation):
    import keras

    from forecaster.models.layers.causal_convolution import CausalConv1D

    ours = CausalConv1D(4, kernel_size, dilation)
    theirs = keras.layers.Conv1D(4, kernel_size, padding="causal", dilation_rate=dilation)
    shake(theirs, ours, shape=windows().shape)
    run_ours = run(turned(ours), ours.trainable_weights, windows())
    assert_same(run_ours, run(theirs, theirs.trainable_weights, windows()))


@pytest.mark.parametrize("training", [False, True])
def test_fused_batch_normalization_is_keras_batch_normalization_and_remembers_the_same(training):
    import keras

    from forecaster.models.layers.fused_batch_norm import FusedBatchNormalization

    ours, theirs = FusedBatchNormalization(), keras.layers.BatchNormalization()
    for layer in (ours, theirs):
        layer.build(windows().shape)
        layer.set_weights(list(np.array([[2.0, -1.0, 0.5], [0.1, 0.2, 0.3], [1.0, 0.0, -1.0], [0.5, 1.0, 2.0]])))
    runs = [
        run(lambda x, layer=layer: layer(x, training=training), layer.trainable_weights, windows())
        for layer in (ours, theirs)
    ]
    assert_same(*runs, atol=1e-5)
    assert_same(ours.get_weights(), theirs.get_weights())


def test_frozen_fused_batch_normalization_is_keras_frozen_one():
    import keras

    from forecaster.models.layers.fused_batch_norm import FusedBatchNormalization

    for layer in (layers := [FusedBatchNormalization(), keras.layers.BatchNormalization()]):
        layer.build(windows().shape)
        layer.trainable = False
    assert_same(*(layer(windows(), training=True) for layer in layers))
    np.testing.assert_array_equal(layers[0].moving_mean, 0)


def test_last_step_of_windows_with_time_first_is_the_same_day():
    from forecaster.models.layers.last_step import LastStep
    from forecaster.models.layers.time_first import TimeFirst

    turn, first = TimeFirst(), LastStep(time_axis=0)
    assert_same(run(lambda x: first(turn(x)), [], windows()), run(LastStep(), [], windows()))


@pytest.mark.parametrize("rate", [0.25, 0.75])
def test_byte_dropout_keeps_at_the_scale_of_keras_and_drops_the_same_gradients(rate):
    import keras
    import tensorflow as tf

    from forecaster.models.layers.dropout import ByteDropout

    for layer in (keras.layers.Dropout(rate, seed=1), ByteDropout(rate, seed=1)):
        x = tf.constant(windows(20))
        with tf.GradientTape() as tape:
            tape.watch(x)
            dropped = layer(x, training=True)
        kept = dropped.numpy() != 0
        np.testing.assert_allclose(tape.gradient(dropped, x), kept / (1 - rate), rtol=1e-6)
        np.testing.assert_allclose(dropped, x * kept / (1 - rate), rtol=1e-6)
        assert kept.mean() == pytest.approx(1 - rate, abs=0.1)


def test_byte_dropout_of_nothing_or_outside_training_is_keras_identity():
    import keras

    from forecaster.models.layers.dropout import ByteDropout

    for cls in (keras.layers.Dropout, ByteDropout):
        np.testing.assert_array_equal(cls(0.0)(windows(), training=True), windows())
        np.testing.assert_array_equal(cls(0.5)(windows(), training=False), windows())
