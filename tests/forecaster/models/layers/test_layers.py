import numpy as np
import pytest

pytestmark = pytest.mark.slow


def windows(n=2, lookback=10, n_features=3):
    return np.random.default_rng(0).standard_normal((n, lookback, n_features)).astype(np.float32)


@pytest.mark.parametrize("kernel_size", [1, 3, 4, 25])
def test_trend_is_keras_average_pooling_and_the_parts_add_up(kernel_size):
    import keras

    from forecaster.models.layers.series_decomposition import SeriesDecomposition

    trend, seasonal = SeriesDecomposition(kernel_size)(windows())
    pooled = keras.layers.AveragePooling1D(kernel_size, strides=1, padding="same")(windows())
    np.testing.assert_allclose(trend, pooled, atol=1e-6)
    np.testing.assert_allclose(trend + seasonal, windows(), atol=1e-6)


def test_a_moving_average_of_no_days_is_refused():
    from forecaster.models.layers.series_decomposition import SeriesDecomposition

    with pytest.raises(ValueError, match="Received: kernel_size=0"):
        SeriesDecomposition(0)


def test_block_lstm_takes_keras_way_where_the_fused_one_does_not_fit():
    import keras

    from forecaster.models.layers.block_lstm import BlockLSTM

    plain, relu = BlockLSTM(4), BlockLSTM(4, activation="relu")
    assert plain.is_fusible(windows())
    assert not relu.is_fusible(windows())
    assert not plain.is_fusible(windows(), mask=np.ones((2, 10), bool))
    assert not plain.is_fusible(keras.KerasTensor((2, None, 3)))
    assert not BlockLSTM(4, dropout=0.1).is_fusible(windows())
    assert relu(windows()).shape == (2, 4)


@pytest.fixture
def claimed_gpu(monkeypatch):
    """TensorFlow says that it has a GPU; there is none, so nothing can run on it."""
    import tensorflow as tf

    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind=None: ["a GPU"] if kind == "GPU" else [])


def traced_operations(layer) -> set[str]:
    import tensorflow as tf

    graph = tf.function(layer).get_concrete_function(tf.constant(windows())).graph
    return {operation.type for operation in graph.get_operations()}


def test_block_lstm_runs_fused_on_a_cpu():
    from forecaster.models.layers.block_lstm import BlockLSTM

    operations = traced_operations(BlockLSTM(4))
    assert "BlockLSTM" in operations
    assert "CudnnRNNV3" not in operations


def test_block_lstm_leaves_the_time_loop_to_cudnn_where_there_is_a_gpu(claimed_gpu):
    from forecaster.models.layers.block_lstm import BlockLSTM

    operations = traced_operations(BlockLSTM(4))
    assert "CudnnRNNV3" in operations
    assert "BlockLSTM" not in operations


def test_block_lstm_gives_the_same_numbers_on_the_way_it_takes_beside_a_gpu(request):
    from forecaster.models.layers.block_lstm import BlockLSTM

    layer = BlockLSTM(4, return_sequences=True)
    fused = layer(windows()).numpy()
    request.getfixturevalue("claimed_gpu")
    np.testing.assert_allclose(layer(windows()), fused, atol=2e-6)  # cuDNN is not there: Keras falls back


def test_attention_weights_sum_to_one_and_make_the_context():
    from forecaster.models.layers.additive_attention import TimeAttention

    context, weights = TimeAttention(5)(windows())
    np.testing.assert_allclose(weights.numpy().sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(context, (windows() * weights.numpy()[:, :, None]).sum(axis=1), atol=1e-6)


def test_heads_that_do_not_divide_the_width_are_refused():
    from forecaster.models.layers.causal_attention import CausalSelfAttention

    with pytest.raises(ValueError, match="n_heads=3, width=8"):
        CausalSelfAttention(n_heads=3).build((None, 10, 8))


def test_dropout_drops_its_share_and_keeps_the_mean():
    from forecaster.models.layers.dropout import ByteDropout

    ones = np.ones((100, 30, 101), np.float32)  # not a multiple of four numbers
    for rate in (0.1, 0.35, 0.5):
        dropped = ByteDropout(rate)(ones, training=True).numpy()
        assert (dropped == 0).mean() == pytest.approx(rate, abs=4e-3)
        assert dropped.mean() == pytest.approx(1, abs=5e-3)
        assert len(np.unique(dropped)) == 2


def test_dropout_of_values_is_independent_between_places_and_calls():
    from forecaster.models.layers.dropout import ByteDropout

    layer = ByteDropout(0.5, seed=1)
    masks = np.stack([layer(np.ones((1, 20_000), np.float32), training=True).numpy()[0] for _ in range(2)]) - 1
    pairs = [(masks[0], masks[1])] + [(masks[0, :-lag], masks[0, lag:]) for lag in (1, 2, 3, 4)]
    for one, other in pairs:
        assert abs(np.mean(one * other)) < 0.03


def test_dropout_follows_its_seed():
    from forecaster.models.layers.dropout import ByteDropout

    x = windows()
    same = [ByteDropout(0.5, seed=7)(x, training=True).numpy() for _ in range(2)]
    np.testing.assert_array_equal(*same)
    assert not np.array_equal(ByteDropout(0.5, seed=8)(x, training=True), same[0])


def test_last_step_is_the_last_day():
    from forecaster.models.layers.last_step import LastStep

    np.testing.assert_array_equal(LastStep()(windows()), windows()[:, -1])


def test_positions_are_added_and_learnable():
    from forecaster.models.layers.position_embedding import PositionEmbedding

    layer = PositionEmbedding()
    added = layer(windows()) - windows()
    np.testing.assert_allclose(added[0], layer.trainable_weights[0], atol=1e-6)
    np.testing.assert_allclose(added[0], added[1], atol=1e-6)


def test_the_learning_rate_rises_to_its_peak_and_falls_with_the_root():
    from forecaster.models.layers.warmup import WarmupDecay

    rate = WarmupDecay(peak=1.0, warmup_steps=100)
    assert float(rate(0)) == pytest.approx(0.01)
    assert float(rate(49)) == pytest.approx(0.5)
    assert float(rate(99)) == pytest.approx(1)
    assert float(rate(399)) == pytest.approx(0.5)


def test_a_rebuilt_layer_has_the_same_settings():
    from forecaster.models.layers.additive_attention import TimeAttention
    from forecaster.models.layers.block_lstm import BlockLSTM
    from forecaster.models.layers.causal_attention import CausalSelfAttention
    from forecaster.models.layers.normalized_bidirectional import NormalizedBidirectional
    from forecaster.models.layers.series_decomposition import SeriesDecomposition
    from forecaster.models.layers.warmup import WarmupDecay

    both = NormalizedBidirectional(BlockLSTM(2, return_sequences=True))
    for layer in (TimeAttention(5), both, CausalSelfAttention(2, 0.3), SeriesDecomposition(7), WarmupDecay(0.1, 9)):
        assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()
