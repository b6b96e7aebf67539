//! Weights at the precision asked for: which matrices are packed to 8 bits, and the packing.
//!
//! In: the checkpoint's weights as they are. Out: the same structs, with `panels` set where a matrix
//! is used at 8 bits. All matrices of encoder and decoder are, with the head (whose best rows are
//! scored again exactly) and the convolutions but the first; norms and biases stay f32. A matrix
//! whose depth is no multiple of the block stays as it is.

const std = @import("std");
const compute_ = @import("compute.zig");
const errors = @import("errors.zig");
const kernels = @import("kernels/kernels.zig");
const encoder_ = @import("encoder.zig");
const weights_ = @import("weights.zig");
const Matrix = weights_.Matrix;

/// As `qasr_weights` of qwen_asr.h numbers them.
pub const Precision = enum(u32) { bf16 = 0, int8 = 1 };

/// One matrix to pack, and what to call it.
pub const Item = struct { name: []const u8, matrix: *Matrix };

/// The matrices that int8 packs, in the order of use. Names live in `arena`.
pub fn list(
    arena: std.mem.Allocator,
    weights: *weights_.Weights,
    stem: *encoder_.Stem,
) error{OutOfMemory}![]Item {
    var items: std.ArrayList(Item) = .empty;
    const encoder = &weights.encoder;
    for (stem.conv[1..], 2..) |*matrix, number| {
        try add(arena, &items, "encoder.conv{d}", .{number}, matrix);
    }
    try add(arena, &items, "encoder.conv_out", .{}, &encoder.conv_out);
    for (encoder.layers, 0..) |*layer, i| {
        inline for (.{ "q", "k", "v", "out", "fc1", "fc2" }) |role| {
            try add(arena, &items, "encoder.{d}." ++ role, .{i}, &@field(layer, role));
        }
    }
    try add(arena, &items, "encoder.proj1", .{}, &encoder.proj1);
    try add(arena, &items, "encoder.proj2", .{}, &encoder.proj2);
    for (weights.decoder.layers, 0..) |*layer, i| {
        inline for (.{ "q", "k", "v", "o", "gate", "up", "down" }) |role| {
            try add(arena, &items, "decoder.{d}." ++ role, .{i}, &@field(layer, role));
        }
    }
    try add(arena, &items, "decoder.head", .{}, &weights.decoder.head);
    return items.items;
}

fn add(
    arena: std.mem.Allocator,
    items: *std.ArrayList(Item),
    comptime format: []const u8,
    arguments: anytype,
    matrix: *Matrix,
) error{OutOfMemory}!void {
    if (matrix.columns % kernels.int8_block != 0) return;
    const name = try std.fmt.allocPrint(arena, format, arguments);
    try items.append(arena, .{ .name = name, .matrix = matrix });
}

/// Bytes of a matrix in panels.
pub fn packedBytes(matrix: Matrix) usize {
    const panels = (matrix.rows + kernels.int8_panel_rows - 1) / kernels.int8_panel_rows;
    return panels * kernels.int8PanelBytes(matrix.columns);
}

/// Packs one matrix into out[packedBytes], on all threads.
pub fn pack(compute: *compute_.Compute, matrix: Matrix, out: []align(64) u8) void {
    const Job = struct { table: *const kernels.Table, matrix: Matrix, out: [*]u8 };
    const job: Job = .{ .table = compute.kernels, .matrix = matrix, .out = out.ptr };
    const panels = (matrix.rows + kernels.int8_panel_rows - 1) / kernels.int8_panel_rows;
    compute.overTasks(panels, &job, struct {
        fn run(j: *const Job, panel: usize, _: compute_.Scratch) void {
            const m = j.matrix;
            const first = panel * kernels.int8_panel_rows;
            const count = @min(kernels.int8_panel_rows, m.rows - first);
            const to = j.out + panel * kernels.int8PanelBytes(m.columns);
            j.table.int8_pack(m.dtype, compute_.rowBytes(m, first), count, m.columns, to);
        }
    }.run);
}
