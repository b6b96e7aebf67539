//! Weights at the precision asked for: which matrices are packed, to how many bits, and the packing.
//!
//! In: the checkpoint's weights as they are. Out: what to pack, and panels. All matrices of encoder
//! and decoder are used at 8 bits, with the head (whose best rows are scored again exactly) and the
//! convolutions but the first; norms and biases stay f32, and an aligner's head of classes stays as it
//! is. int4 is the same but for the decoder's matrices at 4 bits: all but attention's output, where
//! rounding makes texts repeat themselves. A matrix whose depth is no multiple of the block stays, too.

const std = @import("std");
const errors = @import("../errors.zig");
const kernels = @import("../kernels/kernels.zig");
const matrix_ = @import("../compute/matrix.zig");
const weights_ = @import("../checkpoint/weights.zig");
const assert = std.debug.assert;
const Matrix = matrix_.Matrix;
const Panels = matrix_.Panels;

/// As `qasr_weights` of qwen_asr.h numbers them.
pub const Precision = enum(u32) {
    bf16 = 0,
    int8 = 1,
    int4 = 2,

    /// How panels are packed, for caches to tell apart; null where none is. A new way to pack is a new
    /// number.
    pub fn layout(self: Precision, table: *const kernels.Table) ?[]const u8 {
        const is_signed = table.int8_bias == 0;
        return switch (self) {
            .bf16 => null,
            .int8 => if (is_signed) "int8 signed 2" else "int8 unsigned 2",
            .int4 => if (is_signed) "int4 signed 2" else "int4 unsigned 2",
        };
    }
};

/// One matrix to pack, to how many bits, and what to call it.
pub const Item = struct { name: []const u8, matrix: *Matrix, bits: kernels.Bits };

/// The matrices that a precision packs, in the order of use; for bf16 those that it could. `convolutions` are
/// the encoder's as it uses them, channels last. Names live in `arena`.
pub fn list(
    arena: std.mem.Allocator,
    weights: *weights_.Weights,
    convolutions: *[3]Matrix,
    precision: Precision,
) error{OutOfMemory}![]Item {
    const few: kernels.Bits = if (precision == .int4) .four else .eight;
    var items: std.ArrayList(Item) = .empty;
    const encoder = &weights.encoder;
    for (convolutions[1..], 2..) |*matrix, number| {
        try add(arena, &items, "encoder.conv{d}", .{number}, matrix, .eight);
    }
    try add(arena, &items, "encoder.conv_out", .{}, &encoder.conv_out, .eight);
    for (encoder.layers, 0..) |*layer, i| {
        inline for (.{ "q", "k", "v", "out", "fc1", "fc2" }) |role| {
            try add(arena, &items, "encoder.{d}." ++ role, .{i}, &@field(layer, role), .eight);
        }
    }
    try add(arena, &items, "encoder.proj1", .{}, &encoder.proj1, .eight);
    try add(arena, &items, "encoder.proj2", .{}, &encoder.proj2, .eight);
    for (weights.decoder.layers, 0..) |*layer, i| {
        inline for (.{ "q", "k", "v", "o", "gate", "up", "down" }) |role| {
            const bits = if (comptime std.mem.eql(u8, role, "o")) .eight else few;
            try add(arena, &items, "decoder.{d}." ++ role, .{i}, &@field(layer, role), bits);
        }
    }
    // An aligner's is small and used exactly.
    const head = &weights.decoder.head;
    if (head.rows == weights.decoder.embed.rows) try add(arena, &items, "decoder.head", .{}, head, .eight);
    return items.items;
}

fn add(
    arena: std.mem.Allocator,
    items: *std.ArrayList(Item),
    comptime format: []const u8,
    arguments: anytype,
    matrix: *Matrix,
    bits: kernels.Bits,
) error{OutOfMemory}!void {
    if (matrix.columns % kernels.int8_block != 0) return;
    const name = try std.fmt.allocPrint(arena, format, arguments);
    try items.append(arena, .{ .name = name, .matrix = matrix, .bits = bits });
}

/// Bytes of a matrix in panels.
pub fn packedBytes(item: Item) usize {
    return Panels.count(item.matrix.rows) * unitBytes(item);
}

/// Of a panel: what can be packed by itself.
pub fn unitBytes(item: Item) usize {
    return kernels.panelBytes(item.bits, item.matrix.columns);
}

/// Packs whole panels of a matrix, those from byte `offset` of the packed matrix on that fill `out`.
/// Returns the bytes that they were made from.
pub fn pack(table: *const kernels.Table, item: Item, offset: usize, out: []u8) []const u8 {
    const m = item.matrix.*;
    const unit = unitBytes(item);
    assert(offset % unit == 0 and out.len % unit == 0);
    const start = offset / unit * kernels.int8_panel_rows;
    const end = @min(start + out.len / unit * kernels.int8_panel_rows, m.rows);
    var row = start;
    var to = out.ptr;
    while (row < end) : (row += kernels.int8_panel_rows) {
        const count = @min(kernels.int8_panel_rows, end - row);
        table.pack_panel(item.bits, m.dtype, m.rowBytes(row), count, m.columns, to);
        to += unit;
    }
    assert(to == out.ptr + out.len);
    return m.rowBytes(start)[0 .. (end - start) * m.columns * m.dtype.size()];
}
