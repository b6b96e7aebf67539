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

    /// Values in the scratch that hold anything.
    pub fn unset(self: *const Reader, count: usize) Error![]align(64) f32 {
        return room(f32, self.scratch.allocator(), count);
    }

    /// A tensor of this shape, whose values are all numbers.
    fn find(self: *const Reader, comptime name: []const u8, parts: anytype, shape: []const u64) Error!Found {
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
        if (!areNumbers(dtype, found.bytes)) {
            return errors.fail(error.Model, "speaker weights: tensor {s} has values that are no numbers", .{full});
        }
        return .{ .dtype = dtype, .bytes = found.bytes };
    }

    /// The values, in the scratch.
    pub fn tensor(self: *const Reader, comptime name: []const u8, parts: anytype, shape: []const u64) Error![]f32 {
        const found = try self.find(name, parts, shape);
        const values = try self.unset(found.bytes.len / found.dtype.size());
        self.table.widen(found.dtype, found.bytes.ptr, values.ptr, values.len);
        return values;
    }

    /// The same for good.
    pub fn kept(self: *const Reader, comptime name: []const u8, parts: anytype, shape: []const u64) Error![]f32 {
        const found = try self.find(name, parts, shape);
        const values = try room(f32, self.arena, found.bytes.len / found.dtype.size());
        self.table.widen(found.dtype, found.bytes.ptr, values.ptr, values.len);
        return values;
    }

    pub fn vector(self: *const Reader, comptime name: []const u8, parts: anytype, length: usize) Error![]f32 {
        return self.kept(name, parts, &.{length});
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

    /// The same of a tensor [rows][depth], its rows times `scale`. At 8 bits panel after panel: what is widened stays
    /// in the second-level cache.
    pub fn scaled(
        self: *const Reader,
        comptime name: []const u8,
        parts: anytype,
        shape: []const u64,
        scale: ?[]const f32,
    ) Error!products.Weight {
        const rows: usize = @intCast(shape[0]);
        const depth: usize = @intCast(shape[1]);
        if (self.precision == .f32) {
            const values = try self.tensor(name, parts, shape);
            if (scale) |by| scaleRows(values, by);
            return self.weightOf(values, rows, depth);
        }
        const found = try self.find(name, parts, shape);
        const row_bytes = depth * found.dtype.size();
        const made = products.Weight.forPanels(self.arena, rows, depth) catch return outOfMemory();
        const some = try self.unset(products.panel_rows * depth);
        var first: usize = 0;
        while (first < rows) : (first += products.panel_rows) {
            const from = found.bytes.ptr + first * row_bytes;
            const panel = first / products.panel_rows;
            if (scale) |by| {
                const values = some[0 .. made.rowsOf(panel) * depth];
                self.table.widen(found.dtype, from, values.ptr, values.len);
                scaleRows(values, by[first..][0..made.rowsOf(panel)]);
                made.pack(self.table, panel, .f32, std.mem.sliceAsBytes(values).ptr);
            } else made.pack(self.table, panel, found.dtype, from);
        }
        return made;
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
        const scale = try room(f32, self.arena, channels);
        const shift = try room(f32, self.arena, channels);
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

/// Each row, of whole blocks, times a number of its own.
pub fn scaleRows(values: []f32, scale: []const f32) void {
    const Block = @Vector(kernels.int8_block, f32);
    const blocks: []align(4) [kernels.int8_block]f32 = @ptrCast(values);
    const each = blocks.len / scale.len;
    for (scale, 0..) |by, row| {
        for (blocks[row * each ..][0..each]) |*block| {
            block.* = @as(Block, block.*) * @as(Block, @splat(by));
        }
    }
}

/// A tensor's values as they are stored.
const Found = struct { dtype: kernels.Dtype, bytes: []const u8 };

/// None is infinite or NaN: no exponent has all its bits set.
fn areNumbers(dtype: kernels.Dtype, bytes: []const u8) bool {
    return switch (dtype) {
        .f16 => areBelow(i16, 0x7c00, bytes),
        .bf16 => areBelow(i16, 0x7f80, bytes),
        .f32 => areBelow(i32, 0x7f80_0000, bytes),
    };
}

/// No value has all these bits.
fn areBelow(comptime Bits: type, comptime limit: Bits, bytes: []const u8) bool {
    const lanes = 64 / @sizeOf(Bits);
    const Line = @Vector(lanes, Bits);
    const mask: Line = @splat(limit);
    var greatest: Line = @splat(0);
    var at: usize = 0;
    while (at + 64 <= bytes.len) : (at += 64) {
        const line: Line = @bitCast(bytes[at..][0..64].*);
        greatest = @max(greatest, line & mask);
    }
    var rest: [64]u8 = @splat(0);
    @memcpy(rest[0 .. bytes.len - at], bytes[at..]);
    greatest = @max(greatest, @as(Line, @bitCast(rest)) & mask);
    return @reduce(.Max, greatest) < limit;
}

/// [out][in][taps] as [out][taps][in]: in the order in which rows of activations lie.
pub fn timeFirst(reader: *const Reader, weight: []const f32, in: usize, taps: usize) Error![]f32 {
    assert(weight.len % (in * taps) == 0);
    const turned = try reader.unset(weight.len);
    for (0..weight.len / (in * taps)) |n| for (0..in) |channel| for (0..taps) |k| {
        turned[(n * taps + k) * in + channel] = weight[(n * in + channel) * taps + k];
    };
    return turned;
}

const testing = std.testing;

/// A file with one tensor of halves, [20][64].
fn sampleFile(gpa: std.mem.Allocator, values: *const [20 * 64]f16) ![]u8 {
    const header =
        \\{"m":{"dtype":"F16","shape":[20,64],"data_offsets":[0,2560]}}
    ;
    const length = std.mem.toBytes(std.mem.nativeToLittle(u64, header.len));
    return std.mem.concat(gpa, u8, &.{ &length, header, std.mem.sliceAsBytes(values) });
}

test "a matrix that is packed panel after panel is the one that is widened and packed as a whole" {
    const cpu = @import("../compute/cpu.zig");
    var prng: std.Random.DefaultPrng = .init(1);
    var values: [20 * 64]f16 = undefined;
    for (&values) |*value| value.* = @floatCast(prng.random().floatNorm(f32));
    var scale: [20]f32 = undefined;
    for (&scale) |*value| value.* = prng.random().float(f32);
    const file = try sampleFile(testing.allocator, &values);
    defer testing.allocator.free(file);
    var found = cpu.detect().iterator();
    while (found.next()) |isa| for ([_]?[]const f32{ null, &scale }) |by| {
        var arena: std.heap.ArenaAllocator = .init(testing.allocator);
        defer arena.deinit();
        const own = arena.allocator();
        const reader: Reader = try .init(own, own, &arena, cpu.table(isa), .int8, file);
        const made = try reader.scaled("m", .{}, &.{ 20, 64 }, by);
        const whole = try reader.tensor("m", .{}, &.{ 20, 64 });
        for (whole, 0..) |*value, i| value.* *= if (by) |all| all[i / 64] else 1;
        const want = try reader.weightOf(whole, 20, 64);
        try testing.expectEqualSlices(u8, want.values.int8, made.values.int8);
    };
}

test "infinity and NaN are found wherever they are, and nothing else" {
    inline for (.{ f16, f32 }) |Float| for ([_]Float{ std.math.inf(Float), std.math.nan(Float) }) |bad| {
        var values: [70]Float = @splat(-std.math.floatMax(Float));
        const dtype: kernels.Dtype = if (Float == f16) .f16 else .f32;
        for ([_]usize{ 0, 1, 31, 70 }) |count| {
            const bytes = std.mem.sliceAsBytes(values[0..count]);
            try testing.expect(areNumbers(dtype, bytes));
            for (values[0..count]) |*value| {
                value.* = bad;
                try testing.expect(!areNumbers(dtype, bytes));
                value.* = 0;
            }
        }
    };
    try testing.expect(!areNumbers(.bf16, &.{ 0, 0, 0x80, 0xff }));
    try testing.expect(areNumbers(.bf16, &.{ 0, 0, 0x7f, 0xff }));
}
