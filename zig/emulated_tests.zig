//! Root of the tests that scripts/test runs under emulation (`-Dtest-root`): those of code that
//! differs from processor to processor. Emulation is some fifty times slower, so no whole models;
//! and a root of its own, because compiling all of abi.zig for it took longer than running the tests.

test {
    _ = @import("checkpoint/safetensors.zig");
    _ = @import("compute/cpu.zig");
    _ = @import("compute/threads.zig");
    _ = @import("kernels/equivalence_test.zig");
    _ = @import("kernels/layers_test.zig");
    _ = @import("kernels/tile_test.zig");
    _ = @import("network/mel_test.zig");
    _ = @import("network/products.zig");
    _ = @import("network/rectified.zig");
    _ = @import("packing/cache_layout.zig");
    _ = @import("packing/cache_test.zig");
    _ = @import("tokenizer/json_reader.zig");
    _ = @import("tokenizer/pretokenizer.zig");
    _ = @import("tokenizer/token_tables.zig");
    _ = @import("tokenizer/tokenizer_test.zig");
}
