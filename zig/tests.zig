//! Root of the native tests: every file that has some. scripts/test.ts compares their number with the
//! test blocks that are written.

test {
    _ = @import("abi.zig");
    _ = @import("checkpoint/config.zig");
    _ = @import("checkpoint/files.zig");
    _ = @import("checkpoint/safetensors.zig");
    _ = @import("checkpoint/weights.zig");
    _ = @import("checkpoint/weights_test.zig");
    _ = @import("compute/blas.zig");
    _ = @import("compute/buffers.zig");
    _ = @import("compute/compute.zig");
    _ = @import("compute/cores.zig");
    _ = @import("compute/cpu.zig");
    _ = @import("compute/matrix.zig");
    _ = @import("compute/threads.zig");
    _ = @import("engine/clock.zig");
    _ = @import("engine/encoder.zig");
    _ = @import("engine/listener.zig");
    _ = @import("engine/listener_test.zig");
    _ = @import("engine/measure.zig");
    _ = @import("engine/model.zig");
    _ = @import("engine/resample.zig");
    _ = @import("engine/session.zig");
    _ = @import("engine/slices_test.zig");
    _ = @import("engine/transcribe.zig");
    _ = @import("engine/transcript.zig");
    _ = @import("engine/spectrum.zig");
    _ = @import("engine/voice.zig");
    _ = @import("engine/wav.zig");
    _ = @import("errors.zig");
    _ = @import("kernels/equivalence_test.zig");
    _ = @import("kernels/tile_test.zig");
    _ = @import("network/aligner.zig");
    _ = @import("network/block.zig");
    _ = @import("network/decoder.zig");
    _ = @import("network/encoder.zig");
    _ = @import("network/head.zig");
    _ = @import("network/kv_cache.zig");
    _ = @import("network/mel.zig");
    _ = @import("network/mel_test.zig");
    _ = @import("network/stem.zig");
    _ = @import("network/vad.zig");
    _ = @import("network/verify.zig");
    _ = @import("packing/cache.zig");
    _ = @import("packing/cache_folder.zig");
    _ = @import("packing/cache_layout.zig");
    _ = @import("packing/cache_test.zig");
    _ = @import("packing/precision.zig");
    _ = @import("tokenizer/json_reader.zig");
    _ = @import("tokenizer/pretokenizer.zig");
    _ = @import("tokenizer/token_tables.zig");
    _ = @import("tokenizer/tokenizer.zig");
    _ = @import("tokenizer/tokenizer_test.zig");
    _ = @import("tokenizer/unicode_tables.zig");
    _ = @import("tokenizer/vocabulary.zig");
}
