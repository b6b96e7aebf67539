//! Tensors of the speaker networks' file: found by name, checked, widened to f32.
//!
//! In: the bytes of a safetensors file as scripts/speaker_weights.ts writes it, matrices at 16 bits and vectors at 32,
//! with the names that the two networks' checkpoints have behind `segmentation.` and `embedding.`.

const std = @import("std");
const buffers = @import("../compute/buffers.zig");
const errors = @import("../errors.zig");
const files = @import("../checkpoint/files.zig");
const kernels = @import("../kernels/kernels.zig");
const safetensors = @import("../checkpoint/safetensors.zig");
const packed_ = @import("packed.zig");
const products = @import("products.zig");
const assert = std.debug.assert;
const Error = errors.Error;
const Packed = packed_.Packed;

/// Of a batch normalisation.
const eps = 1e-5;

pub fn outOfMemory() Error {
    return errors.outOfMemory("the speaker networks");
}

/// Values that hold anything, in an arena.
pub fn room(comptime T: type, arena: std.mem.Allocator, count: usize) Error![]align(64) T {
    return buffers.alloc(T, arena, count) catch outOfMemory();
}

/// Zeros, in an arena.
pub fn floats(arena: std.mem.Allocator, count: usize) Error![]align(64) f32 {
    const values = try room(f32, arena, count);
    @memset(values, 0);
    return values;
}

/// A normalisation with fixed moments: y = x * scale + shift by channels.
pub const Norm = struct { scale: []const f32, shift: []const f32 };

pub const Reader = struct {
    /// What is made for good, and what only until `forget`.
    arena: std.mem.Allocator,
    scratch: *std.heap.ArenaAllocator,
    checkpoint: safetensors.Checkpoint,
    table: *const kernels.Table,
    precision: products.Precision,

    /// `bytes` are borrowed while the reader is used, as what it keeps in `own` is.
    pub fn init(
        arena: std.mem.Allocator,
        own: std.mem.Allocator,
        scratch: *std.heap.ArenaAllocator,
        table: *const kernels.Table,
        precision: products.Precision,
        bytes: []const u8,
    ) Error!Reader {
        var source: files.Source = .fromMemory(own, &.{.{ .name = "model.safetensors", .bytes = bytes }});
        const checkpoint = try safetensors.open(own, &source);
        return .{
            .arena = arena,
            .scratch = scratch,
            .checkpoint = checkpoint,
            .table = table,
            .precision = precision,
        };
    }

    /// Room in the scratch for the next tensors: touching new memory takes longer than widening them.
    pub fn forget(self: *const Reader) void {
        _ = self.scratch.reset(.retain_capacity);
    }

    /// Zeros in the scratch.
    pub fn temporary(self: *const Reader, count: usize) Error![]align(64) f32 {
        return floats(self.scratch.allocator(), count);
    }

    /// The values, in the scratch.
    pub fn tensor(self: *const Reader, comptime name: []const u8, parts: anytype, shape: []const u64) Error![]f32 {
        var buffer: [128]u8 = undefined;
        const full = std.fmt.bufPrint(&buffer, name, parts) catch unreachable; // Names are ours, and short.
        const found = self.checkpoint.find(full) orelse
            return errors.fail(error.Model, "speaker weights: no tensor {s}", .{full});
        const dtype: kernels.Dtype = switch (found.dtype) {
            .f32 => .f32,
            .f16 => .f16,
            .bf16 => .bf16,
            else => return errors.fail(error.Model, "speaker weights: tensor {s} is of {t}", .{ full, found.dtype }),
        };
        if (!std.mem.eql(u64, found.shape(), shape)) return errors.fail(
            error.Model,
            "speaker weights: tensor {s} is {f}, not {f}",
            .{ full, safetensors.formatShape(found.shape()), safetensors.formatShape(shape) },
        );
        const count = found.bytes.len / dtype.size();
        const values = try room(f32, self.scratch.allocator(), count);
        self.table.widen(dtype, found.bytes.ptr, values.ptr, values.len);
        for (values) |value| if (!std.math.isFinite(value)) {
            return errors.fail(error.Model, "speaker weights: tensor {s} has values that are no numbers", .{full});
        };
        return values;
    }

    /// The same for good.
    pub fn vector(self: *const Reader, comptime name: []const u8, parts: anytype, length: usize) Error![]f32 {
        const values = try floats(self.arena, length);
        @memcpy(values, try self.tensor(name, parts, &.{length}));
        return values;
    }

    pub fn pack(self: *const Reader, values: []const f32, rows: usize, depth: usize) Error!Packed {
        return Packed.init(self.arena, self.table, values, rows, depth) catch outOfMemory();
    }

    /// [rows][depth], or a convolution of width 1.
    pub fn matrix(
        self: *const Reader,
        comptime name: []const u8,
        parts: anytype,
        shape: []const u64,
    ) Error!Packed {
        return self.pack(try self.tensor(name, parts, shape), @intCast(shape[0]), @intCast(shape[1]));
    }

    /// For products at the precision that is asked for, which has a depth of whole blocks.
    pub fn weightOf(self: *const Reader, values: []const f32, rows: usize, depth: usize) Error!products.Weight {
        return products.Weight.init(self.arena, self.table, self.precision, values, rows, depth) catch outOfMemory();
    }

    /// The same of a tensor [rows][depth], its rows times `scale`.
    pub fn scaled(
        self: *const Reader,
        comptime name: []const u8,
        parts: anytype,
        shape: []const u64,
        scale: ?[]const f32,
    ) Error!products.Weight {
        const depth: usize = @intCast(shape[1]);
        const values = try self.tensor(name, parts, shape);
        if (scale) |by| for (by, 0..) |one, row| {
            for (values[row * depth ..][0..depth]) |*value| value.* *= one;
        };
        return self.weightOf(values, @intCast(shape[0]), depth);
    }

    /// Zeros, in the arena.
    pub fn rowsFor(self: *const Reader, count: usize) Error!products.Rows {
        return products.Rows.init(self.arena, self.table, self.precision, count) catch outOfMemory();
    }

    /// Of `weight` and `bias` under a name with the running moments; without `is_affine` these are 1 and 0.
    pub fn norm(
        self: *const Reader,
        comptime name: []const u8,
        parts: anytype,
        channels: usize,
        comptime is_affine: bool,
    ) Error!Norm {
        const scale = try floats(self.arena, channels);
        const shift = try floats(self.arena, channels);
        const mean = try self.tensor(name ++ ".running_mean", parts, &.{channels});
        const variance = try self.tensor(name ++ ".running_var", parts, &.{channels});
        for (scale, shift, mean, variance) |*s, *t, m, v| {
            s.* = 1 / @sqrt(@max(0, v) + eps);
            t.* = -m * s.*;
        }
        if (is_affine) {
            const weight = try self.tensor(name ++ ".weight", parts, &.{channels});
            const bias = try self.tensor(name ++ ".bias", parts, &.{channels});
            for (scale, shift, weight, bias) |*s, *t, w, b| {
                s.* *= w;
                t.* = t.* * w + b;
            }
        }
        return .{ .scale = scale, .shift = shift };
    }
};

/// [out][in][taps] as [out][taps][in]: in the order in which rows of activations lie.
pub fn timeFirst(reader: *const Reader, weight: []const f32, in: usize, taps: usize) Error![]f32 {
    assert(weight.len % (in * taps) == 0);
    const turned = try reader.temporary(weight.len);
    for (0..weight.len / (in * taps)) |n| for (0..in) |channel| for (0..taps) |k| {
        turned[(n * taps + k) * in + channel] = weight[(n * in + channel) * taps + k];
    };
    return turned;
}
