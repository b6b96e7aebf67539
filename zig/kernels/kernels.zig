//! The kernels as the engine sees them: one table of functions per instruction set, one table in
//! use, chosen at start from the CPU that runs (see cpu.zig).
//!
//! Kernels work on raw pointers and check nothing: they are compiled without safety. Their callers
//! assert lengths once per matrix. None allocates, none keeps state, all are safe on any thread.
//! Tables differ by the order of summation within a vector only; equivalence_test.zig holds the
//! bounds.

const std = @import("std");

/// How weights are stored. bf16 is the upper half of an f32.
pub const Dtype = enum(u32) {
    bf16,
    f16,
    f32,

    /// Bytes of one element.
    pub fn size(self: Dtype) usize {
        return if (self == .f32) 4 else 2;
    }
};

/// Keys (and values) per page of a KV cache; also the width of a packed GEMM panel.
pub const page_keys = 64;

/// How keys and values are stored. At 16 bits they are off by 2^-11 of their size, and half as many
/// bytes are read per token: with long prompts and several sequences in step, a third of them all.
pub const Kv = enum(u32) {
    f32,
    f16,

    /// Bytes of one element.
    pub fn size(self: Kv) usize {
        return if (self == .f32) 4 else 2;
    }
};

/// One attention job: `rows` query rows against the keys of one KV head.
///
/// A page holds `page_keys` positions: keys transposed, kv[head_dim][page_keys], at `key_offset`
/// elements from the page's start, values kv[page_keys][head_dim] at `value_offset`.
pub const Attention = extern struct {
    /// f32[rows][head_dim], contiguous, already scaled by 1/sqrt(head_dim).
    queries: [*]const f32,
    /// f32[rows][head_dim], contiguous.
    out: [*]f32,
    pages: [*]const [*]const u8,
    kv: Kv,
    key_offset: usize,
    value_offset: usize,
    /// f32[attentionScratch(rows, head_dim)], the caller's.
    scratch: [*]f32,
    rows: u32,
    head_dim: u32,
    /// Keys that row 0 sees. Causal: row r sees keys_first + r / rows_per_position of them.
    keys_first: u32,
    rows_per_position: u32,
    causal: bool,
};

/// Rows that attention handles at a time.
pub const attention_rows = 6;

/// Floats of scratch for an attention job: scores and the softmax's state of every row, and keys or
/// values of a page, widened.
pub fn attentionScratch(rows: usize, head_dim: usize) usize {
    return rows * page_keys + std.mem.alignForward(usize, 2 * rows, 16) + page_keys * head_dim;
}

/// Columns that share a scale in packed weights, and rows that are packed together.
pub const int8_block = 32;
pub const int8_panel_rows = 16;

/// Bits of a packed weight. Activations have 8 with either.
pub const Bits = enum(u32) {
    eight = 8,
    four = 4,

    /// Bytes of a block of all the panel's rows, without scales.
    pub fn blockBytes(self: Bits) usize {
        return int8_block * int8_panel_rows / 8 * @as(usize, @intFromEnum(self));
    }
};

/// Bytes of the scales, f16[2][16], that stand before every two blocks of a panel: one cache line.
pub const pair_scale_bytes = 2 * int8_panel_rows * 2;

/// Bytes of a packed panel; where the number of blocks is odd, the last has a line of scales for itself.
pub fn panelBytes(bits: Bits, columns: usize) usize {
    const blocks = columns / int8_block;
    return (blocks + 1) / 2 * pair_scale_bytes + blocks * bits.blockBytes();
}

/// A product of activations at 8 bits with packed panels.
pub const Int8 = extern struct {
    bits: Bits,
    /// Panels, one after the other.
    weights: [*]const u8,
    /// i8[rows][columns * int8_activation_bytes], f32[rows][columns / block], i32[rows][columns / block] where rows do
    /// not overlap: from `int8_quantize`.
    x: [*]const i8,
    scales: [*]const f32,
    starts: [*]const i32,
    /// Activations from a row of `x` to the next, whole blocks: rows may overlap, as those of a convolution do.
    x_stride: usize,
    /// Added to what is in `out`, or in its place.
    add: bool = false,
    /// f32[rows][out_stride]; column 0 is the first row of the first panel.
    out: [*]f32,
    out_stride: usize,
    rows: usize,
    columns: usize,
    panels: usize,
    /// Weight rows that are real, from the first panel on: the last panel may have fewer than 16.
    rows_valid: usize,
};

/// Activations that are never negative, with their scale (rectified.zig).
pub const RectifiedBlock = extern struct { scale: f32, values: [int8_block]u8 };

/// Outputs of a product of rectified activations that are computed together: a block, where they are activations again.
pub const rectified_outputs = int8_block;

/// Blocks that follow each other in a row, of the first row.
pub const RectifiedRun = extern struct { x: [*]const RectifiedBlock, blocks: usize };

/// A product of rectified activations with packed weights, and what becomes of its outputs: y = product * scale +
/// shift + beside, max(0, y) where it `rectifies`, its sums over rows, and y in f32, in blocks, or both.
pub const Rectified = extern struct {
    /// From `rectified_pack`: those of the first 32 outputs and so on.
    weights: [*]const u8,
    /// What the depth of a row consists of.
    runs: [*]const RectifiedRun,
    runs_count: usize,
    /// Blocks from a row to the next, in all runs.
    x_stride: usize,
    rows: usize,
    /// A multiple of `rectified_outputs`.
    outputs: usize,
    /// By outputs. Null: ones, zeros.
    scale: ?[*]const f32,
    shift: ?[*]const f32,
    /// A block for each row, of a product that has a block of outputs.
    beside: ?[*]const RectifiedBlock,
    rectifies: bool,
    /// By outputs, added to.
    sums: ?[*]f32,
    /// f32[rows][out_stride]
    out: ?[*]f32,
    out_stride: usize,
    /// Only where it `rectifies`; in blocks.
    to: ?[*]RectifiedBlock,
    to_stride: usize,
};

/// A 3 x 3 convolution of one channel into 32, in f32: a row of each of three planes, three frames each.
pub const RectifiedFirst = extern struct {
    x: [3][*]const f32,
    /// f32[3][3][32]
    weights: [*]const f32,
    /// f32[32]
    shift: [*]const f32,
    rows: usize,
    /// f32[rows][32], or blocks.
    out: ?[*]f32,
    to: ?[*]RectifiedBlock,
};

/// Rows of activations in a tile of bf16, and how deep it is (tiles.zig).
pub const tile_rows = 16;
pub const tile_depth = 32;

/// bf16 values of so many rows of activations as tiles: whole ones.
pub fn tileElements(rows: usize, columns: usize) usize {
    return std.mem.alignForward(usize, rows, tile_rows) * std.mem.alignForward(usize, columns, tile_depth);
}

/// A product of activations in bf16 with weights that become bf16 on the way, a few panels of 16 at a time.
pub const Tiled = extern struct {
    weights: [*]const u8,
    kind: Kind,
    /// From `tile_pack`: for every 16 rows, for every 32 columns, a tile u16[16][32].
    x: [*]const u16,
    /// What is missing from `x`, as large; null where weights are packed, which are farther off themselves.
    x_rest: ?[*]const u16,
    /// f32[rows][out_stride]
    out: [*]f32,
    out_stride: usize,
    /// u8[tiled_scratch], at the start of a cache line.
    scratch: [*]u8,
    rows: usize,
    columns: usize,
    /// Outputs: rows of weights, the first of which begins a panel.
    count: usize,

    /// Packed panels, or rows of bf16.
    pub const Kind = enum(u32) { eight, four, bf16 };
};

/// How deep the weights are that are widened at a time, in tiles: 32 KB for two panels, which the first-level
/// cache (48 KB) holds while the activations pass.
pub const tiled_chunk = 16;
/// Two such pieces, one that is used and one that is made meanwhile, and a tile of the output.
pub const tiled_scratch = (2 * 2 * tiled_chunk + 1) * 1024;

pub const Table = extern struct {
    lanes: u32,
    /// Added to stored bytes: panels of 8 bits are another table's only where this is equal. Those of
    /// 4 bits are the same for all.
    int8_bias: i32,
    /// Bytes of an activation at 8 bits: 1, or 2 where sizes and signs stand apart.
    int8_activation_bytes: u32,
    /// Packs up to 16 weight rows of `columns` (a multiple of int8_block) into a panel.
    pack_panel: *const fn (Bits, Dtype, [*]const u8, usize, usize, [*]u8) callconv(.c) void,
    /// One row of activations to bytes, scales and starts.
    int8_quantize: *const fn ([*]const f32, usize, [*]i8, [*]f32, [*]i32) callconv(.c) void,
    int8_gemm: *const fn (*const Int8) callconv(.c) void,
    /// Bytes of `rectified_pack`'s weights of 32 outputs for a block of the depth.
    rectified_weight_bytes: u32,
    /// Packs weights f32[32][stride], of which the depth counts, whole blocks.
    rectified_pack: *const fn ([*]const f32, usize, usize, [*]u8) callconv(.c) void,
    /// What `affine` makes of its rows, whole blocks that are never negative: all of them, one after the other.
    rectified_affine: *const fn (*const Affine, [*]RectifiedBlock) callconv(.c) void,
    rectified_first: *const fn (*const RectifiedFirst) callconv(.c) void,
    rectified_gemm: *const fn (*const Rectified) callconv(.c) void,
    /// out[i] = f32(weights[i]), i < count.
    widen: *const fn (Dtype, [*]const u8, [*]f32, usize) callconv(.c) void,
    /// out[i] = sum over k of row i of `weights` (rows first.. of columns each) times x[k].
    gemv: *const fn (Dtype, [*]const u8, [*]const f32, usize, usize, [*]f32) callconv(.c) void,
    /// Repacks the first `depth` elements of `rows` (at most page_keys) weight rows, `stride` elements
    /// apart, into panel f32[depth][page_keys], zero where rows end.
    pack: *const fn (Dtype, [*]const u8, usize, usize, usize, [*]f32) callconv(.c) void,
    /// out[m][n] = (add ? out[m][n] : 0) + sum over k of a[m][k] * panel[k][n], n < columns.
    gemm: *const fn (*const Gemm) callconv(.c) void,
    /// out = (x - mean) / sqrt(variance + eps) * weight + bias, over n elements.
    layer_norm: *const fn ([*]const f32, [*]const f32, [*]const f32, [*]f32, usize, f32) callconv(.c) void,
    /// out = x / sqrt(mean(x^2) + eps) * weight. x and out may be the same.
    rms_norm: *const fn ([*]const f32, [*]const f32, [*]f32, usize, f32) callconv(.c) void,
    /// Rotates the halves of one head: x[i], x[i + half] by the angle whose cos and sin are given.
    rope: *const fn ([*]f32, [*]const f32, [*]const f32, usize) callconv(.c) void,
    /// x[i] = gelu(x[i] + bias[i]), erf-exact; `bias` may be null.
    gelu: *const fn ([*]f32, ?[*]const f32, usize) callconv(.c) void,
    /// gate[i] = silu(gate[i]) * up[i].
    swiglu: *const fn ([*]f32, [*]const f32, usize) callconv(.c) void,
    /// x[i] += y[i].
    add: *const fn ([*]f32, [*]const f32, usize) callconv(.c) void,
    /// out[i] = the nearest f16 of x[i], kept finite.
    narrow: *const fn ([*]const f32, [*]f16, usize) callconv(.c) void,
    attention: *const fn (*const Attention) callconv(.c) void,
    /// Greatest of x, its first index, and the sum of exp(x[i] - greatest).
    peak: *const fn ([*]const f32, usize, *Peak) callconv(.c) void,
    affine: *const fn (*const Affine) callconv(.c) void,
    pool: *const fn (*const Pool) callconv(.c) void,
    moments: *const fn (*const Moments) callconv(.c) void,
    filter_bank: *const fn (*const FilterBank) callconv(.c) void,
    /// One step of an LSTM of n: gates[4][n], in the order input, forget, cell, output, and their bias;
    /// cell[n] from before, and after; hidden[n] after.
    lstm: *const fn ([*]const f32, [*]const f32, [*]f32, [*]f32, usize) callconv(.c) void,
    /// Up to 16 rows of activations as tiles, and where asked for what is missing from these; missing rows and
    /// columns are zero.
    tile_pack: *const fn (*const TilePack) callconv(.c) void,
    /// Null where nothing multiplies tiles.
    tile_gemm: ?*const fn (*const Tiled) callconv(.c) void,
};

pub const TilePack = extern struct {
    /// f32[rows][stride]
    x: [*]const f32,
    stride: usize,
    rows: usize,
    columns: usize,
    /// u16[tileElements(16, columns)]
    to: [*]u16,
    rest: ?[*]u16,
};

pub const Gemm = extern struct {
    a: [*]const f32,
    a_stride: usize,
    panel: [*]const f32,
    out: [*]f32,
    out_stride: usize,
    rows: usize,
    /// The depth, k.
    depth: usize,
    /// Columns of the panel that are real, at most page_keys.
    columns: usize,
    add: bool,
};

/// y = x * scale + shift by columns, out = y, or slope * y where y < 0. x and out may be the same.
pub const Affine = extern struct {
    x: [*]const f32,
    x_stride: usize,
    /// Null: ones.
    scale: ?[*]const f32,
    /// Null: zeros.
    shift: ?[*]const f32,
    out: [*]f32 = undefined,
    out_stride: usize = 0,
    rows: usize,
    columns: usize,
    slope: f32,
};

/// Rows that `Pool` makes one of.
pub const pooled_rows = 3;

/// out[r] = the greatest of x[3 r], x[3 r + 1], x[3 r + 2], by columns.
pub const Pool = extern struct {
    x: [*]const f32,
    x_stride: usize,
    out: [*]f32,
    out_stride: usize,
    /// Of `out`.
    rows: usize,
    columns: usize,
};

/// Filters of up to 251 taps, even or odd around their middle, at every tenth sample (filter_bank.zig): of the
/// magnitudes of their results what `Pool` makes of them.
pub const FilterBank = extern struct {
    /// Filters' middles are `bank_reach` samples from both ends.
    samples: [*]const f32,
    count: usize,
    /// Samples are brought to a level first: x * scale + shift.
    scale: f32,
    shift: f32,
    /// f32[filters / 16][bank_bins][10][2][8] of eight even and eight odd filters each: values of spectra / 1280 at bin
    /// 128 t + m, t < 10.
    spectra: [*]align(64) const f32,
    /// A multiple of 16, half of them even: these are the first columns.
    filters: usize,
    /// cos and sin of 2 pi i / 1280: f32[1280][2].
    turns: [*]const f32,
    /// f32[rows][out_stride]
    out: [*]f32,
    out_stride: usize,
    rows: usize,
    /// Blocks of `bank_rows` rows each that are computed, at most `bank_blocks`.
    block: usize,
    blocks: usize,
    /// u8[bank_space]
    space: [*]align(64) u8,
};

pub const bank_stride = 10;
pub const bank_reach = 125;
pub const bank_points = 128;
pub const bank_samples = bank_points * bank_stride;
pub const bank_bins = bank_points / 2 + 1;
pub const bank_group = 8;
pub const bank_rows = 34;
pub const bank_blocks = 2 * bank_group;
pub const bank_space = 200_000;

/// sums = the sum over rows of x - centre, squares = that of its square, by columns. In f32: of a few hundred rows.
pub const Moments = extern struct {
    x: [*]const f32,
    x_stride: usize,
    /// Null: zeros.
    centre: ?[*]const f32,
    sums: [*]f32,
    squares: [*]f32,
    rows: usize,
    columns: usize,
};

pub const Peak = extern struct { value: f32, index: u32, exp_sum: f32 };
