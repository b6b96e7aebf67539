//! Products of activations that are never negative, in f32 or with both sides at 8 bits (kernels/rectified.zig), and
//! what becomes of them. The depth of a row consists of runs that lie in different places.

const std = @import("std");
const buffers = @import("../compute/buffers.zig");
const kernels = @import("../kernels/kernels.zig");
const packed_ = @import("packed.zig");
const products = @import("products.zig");
const assert = std.debug.assert;
const Block = kernels.RectifiedBlock;
const Packed = packed_.Packed;
const Precision = products.Precision;
const block = kernels.int8_block;
const outputs_together = kernels.rectified_outputs;

/// Activations as a product takes them, whole blocks. Memory is the caller's.
pub const Rows = union(Precision) {
    f32: [*]f32,
    int8: [*]Block,

    /// Zeros, in an arena: so many activations.
    pub fn init(arena: std.mem.Allocator, precision: Precision, count: usize) error{OutOfMemory}!Rows {
        assert(count % block == 0);
        switch (precision) {
            .f32 => {
                const values = try buffers.alloc(f32, arena, count);
                @memset(values, 0);
                return .{ .f32 = values.ptr };
            },
            .int8 => {
                const blocks = try buffers.alloc(Block, arena, count / block);
                @memset(std.mem.sliceAsBytes(blocks), 0);
                return .{ .int8 = blocks.ptr };
            },
        }
    }

    /// From an activation on, the first of a block.
    pub fn from(self: Rows, at: usize) Rows {
        assert(at % block == 0);
        return switch (self) {
            .f32 => |values| .{ .f32 = values + at },
            .int8 => |blocks| .{ .int8 = blocks + at / block },
        };
    }

    /// Takes what `affine` makes of rows, one after the other: nothing negative. Their `out` is not used.
    pub fn putAffine(self: Rows, table: *const kernels.Table, job: kernels.Affine) void {
        assert(job.columns % block == 0 and job.slope == 0);
        switch (self) {
            .f32 => |to| {
                var own = job;
                own.out = to;
                own.out_stride = job.columns;
                table.affine(&own);
            },
            .int8 => |to| table.rectified_affine(&job, to),
        }
    }

    pub fn copy(self: Rows, other: Rows, count: usize) void {
        assert(count % block == 0);
        switch (self) {
            .f32 => |to| @memcpy(to[0..count], other.f32),
            .int8 => |to| @memcpy(to[0 .. count / block], other.int8),
        }
    }

    pub fn clear(self: Rows, count: usize) void {
        assert(count % block == 0);
        switch (self) {
            .f32 => |to| @memset(to[0..count], 0),
            .int8 => |to| @memset(std.mem.sliceAsBytes(to[0 .. count / block]), 0),
        }
    }
};

/// Weights of one run, f32[outputs][depth].
pub const Part = struct { values: []const f32, depth: usize };

/// Where products go: to f32, or to the rows of another product, one after the other.
pub const To = union(enum) {
    floats: struct { at: [*]f32, stride: usize },
    rows: Rows,
};

pub const Job = struct {
    rows: usize,
    /// The first row's runs.
    x: []const Rows,
    /// Activations from a row to the next, whole blocks, in all runs.
    x_stride: usize,
    to: To,
    /// y = product * scale + shift, by outputs. Null: ones, zeros.
    scale: ?[*]const f32 = null,
    shift: ?[*]const f32 = null,
    /// Rows of 32 that are added to outputs of as many, which have no scale.
    beside: ?Rows = null,
    /// y is at least 0.
    rectifies: bool = true,
    /// The sums of y over rows go there.
    sums: ?[]f32 = null,
};

pub const runs_max = 10;

pub const Weight = struct {
    outputs: usize,
    /// Of all runs.
    depth: usize,
    depths: []const usize,
    values: union(Precision) { f32: []const Packed, int8: []align(64) const u8 },

    /// Of the runs' values, which may be freed afterwards.
    pub fn init(
        arena: std.mem.Allocator,
        table: *const kernels.Table,
        precision: Precision,
        outputs: usize,
        parts: []const Part,
    ) error{OutOfMemory}!Weight {
        assert(outputs % outputs_together == 0 and parts.len <= runs_max);
        var self: Weight = .{ .outputs = outputs, .depth = 0, .depths = undefined, .values = undefined };
        const depths = try arena.alloc(usize, parts.len);
        for (depths, parts) |*depth, part| {
            assert(part.depth % block == 0 and part.values.len == outputs * part.depth);
            depth.* = part.depth;
            self.depth += part.depth;
        }
        self.depths = depths;
        if (precision == .f32) {
            const own = try arena.alloc(Packed, parts.len);
            for (own, parts) |*one, part| one.* = try .init(arena, table, part.values, outputs, part.depth);
            self.values = .{ .f32 = own };
            return self;
        }
        const each = table.rectified_weight_bytes;
        const bytes = try buffers.alloc(u8, arena, outputs / outputs_together * self.depth / block * each);
        var to: [*]u8 = bytes.ptr;
        var output: usize = 0;
        while (output < outputs) : (output += outputs_together) for (parts) |part| {
            table.rectified_pack(part.values[output * part.depth ..].ptr, part.depth, part.depth, to);
            to += part.depth / block * each;
        };
        self.values = .{ .int8 = bytes };
        return self;
    }

    pub fn times(self: Weight, table: *const kernels.Table, job: Job) void {
        assert(job.x.len == self.depths.len and job.x_stride % block == 0);
        assert(job.beside == null or (self.outputs == block and job.scale == null));
        assert(job.to == .floats or job.rectifies);
        if (job.sums) |sums| {
            assert(sums.len == self.outputs);
            @memset(sums, 0);
        }
        switch (self.values) {
            .f32 => |parts| self.inFloats(table, parts, job),
            .int8 => |bytes| self.inBytes(table, bytes, job),
        }
    }

    fn inBytes(self: Weight, table: *const kernels.Table, bytes: []align(64) const u8, job: Job) void {
        var runs: [runs_max]kernels.RectifiedRun = undefined;
        for (runs[0..job.x.len], job.x, self.depths) |*run, x, depth| run.* = .{ .x = x.int8, .blocks = depth / block };
        const floats = job.to == .floats;
        table.rectified_gemm(&.{
            .weights = bytes.ptr,
            .runs = &runs,
            .runs_count = job.x.len,
            .x_stride = job.x_stride / block,
            .rows = job.rows,
            .outputs = self.outputs,
            .scale = job.scale,
            .shift = job.shift,
            .beside = if (job.beside) |beside| beside.int8 else null,
            .rectifies = job.rectifies,
            .sums = if (job.sums) |sums| sums.ptr else null,
            .out = if (floats) job.to.floats.at else null,
            .out_stride = if (floats) job.to.floats.stride else 0,
            .to = if (floats) null else job.to.rows.int8,
            .to_stride = self.outputs / block,
        });
    }

    fn inFloats(self: Weight, table: *const kernels.Table, parts: []const Packed, job: Job) void {
        const out, const stride = switch (job.to) {
            .floats => |to| .{ to.at, to.stride },
            .rows => |to| .{ to.f32, self.outputs },
        };
        for (parts, job.x, 0..) |part, x, k| part.multiply(table, job.rows, x.f32, job.x_stride, out, stride, k > 0);
        if (job.beside) |beside| for (0..job.rows) |row| {
            for (out[row * stride ..][0..block], beside.f32[row * block ..]) |*y, more| y.* += more;
        };
        table.affine(&.{
            .x = out,
            .x_stride = stride,
            .scale = job.scale,
            .shift = job.shift,
            .out = out,
            .out_stride = stride,
            .rows = job.rows,
            .columns = self.outputs,
            .slope = if (job.rectifies) 0 else 1,
        });
        if (job.sums) |sums| for (0..job.rows) |row| {
            for (sums, out[row * stride ..]) |*sum, y| sum.* += y;
        };
    }
};

const testing = std.testing;
const forEachTable = products.forEachTable;

fn normal(arena: std.mem.Allocator, random: std.Random, count: usize) ![]f32 {
    const values = try arena.alloc(f32, count);
    for (values) |*value| value.* = random.floatNorm(f32);
    return values;
}

/// As one row: what is negative becomes 0.
fn putOf(values: []const f32) kernels.Affine {
    return .{
        .x = values.ptr,
        .x_stride = values.len,
        .scale = null,
        .shift = null,
        .rows = 1,
        .columns = values.len,
        .slope = 0,
    };
}

/// Some runs of a product, at a precision.
const Sample = struct {
    const rows_most = 70;
    const stride = 2 * block;
    const depths = [_]usize{ 3 * block, 17 * block, block };
    const run_room = rows_most * stride + depths[1];

    weight: Weight,
    x: [depths.len]Rows,
    beside: Rows,
    scale: []f32,
    shift: []f32,

    fn init(arena: std.mem.Allocator, table: *const kernels.Table, precision: Precision, outputs: usize) !Sample {
        var prng: std.Random.DefaultPrng = .init(1);
        const random = prng.random();
        var parts: [depths.len]Part = undefined;
        var self: Sample = undefined;
        for (&self.x, &parts, depths) |*x, *part, own| {
            part.* = .{ .values = try normal(arena, random, outputs * own), .depth = own };
            x.* = try .init(arena, precision, run_room);
            x.putAffine(table, putOf(try normal(arena, random, run_room)));
        }
        self.weight = try .init(arena, table, precision, outputs, &parts);
        self.beside = try .init(arena, precision, rows_most * block);
        self.beside.putAffine(table, putOf(try normal(arena, random, rows_most * block)));
        inline for (.{ "scale", "shift" }) |name| {
            @field(self, name) = try normal(arena, random, outputs);
        }
        return self;
    }

    fn from(self: *const Sample, row: usize) [depths.len]Rows {
        var x = self.x;
        for (&x) |*own| own.* = own.from(row * stride);
        return x;
    }

    fn times(self: *const Sample, table: *const kernels.Table, row: usize, job: Job) void {
        var own = job;
        own.x = &self.from(row);
        own.x_stride = stride;
        self.weight.times(table, own);
    }
};

/// The root of the mean square of what two are apart, against that of the first.
fn apart(want: []const f32, got: []const f32) f64 {
    var squares: [2]f64 = @splat(0);
    for (want, got) |a, b| {
        squares[0] += (a - b) * (a - b);
        squares[1] += a * a;
    }
    return @sqrt(squares[0] / squares[1]);
}

// Weights and activations at 8 bits are off by some 0.7 % each, in the mean of normal ones.
test "rectified products at 8 bits are those in f32 to 1.5 %, and so is what becomes of them" {
    try forEachTable(struct {
        fn check(arena: std.mem.Allocator, table: *const kernels.Table) !void {
            const stride = 2 * block + 3;
            for ([_]usize{ 1, 5, 6, 23, Sample.rows_most }) |rows| for ([_]bool{ false, true }) |rectifies| {
                var out: [2][Sample.rows_most * stride]f32 = @splat(@splat(7));
                var sums: [2][2 * block]f32 = undefined;
                for ([_]Precision{ .f32, .int8 }, &out, &sums) |precision, *to, *own_sums| {
                    const sample: Sample = try .init(arena, table, precision, 2 * block);
                    sample.times(table, 0, .{
                        .rows = rows,
                        .x = undefined,
                        .x_stride = undefined,
                        .to = .{ .floats = .{ .at = to, .stride = stride } },
                        .scale = sample.scale.ptr,
                        .shift = sample.shift.ptr,
                        .rectifies = rectifies,
                        .sums = own_sums,
                    });
                }
                const least = std.mem.min(f32, out[1][0 .. rows * stride]);
                try testing.expectEqual(rectifies, least == 0);
                for (0..rows) |row| for (out[1][row * stride + 2 * block ..][0..3]) |beyond| {
                    try testing.expectEqual(7, beyond);
                };
                try testing.expect(apart(&out[0], &out[1]) < 0.015);
                try testing.expect(apart(&sums[0], &sums[1]) < 0.015);
            };
        }
    }.check);
}

test "rectified products become rows, beside others, the same for any number of rows" {
    try forEachTable(struct {
        fn check(arena: std.mem.Allocator, table: *const kernels.Table) !void {
            const rows = 23;
            var seen: [2][rows * block]f32 = undefined;
            for ([_]Precision{ .f32, .int8 }, &seen) |precision, *values| {
                const sample: Sample = try .init(arena, table, precision, block);
                const together: Rows = try .init(arena, precision, rows * block);
                var job: Job = .{
                    .rows = rows,
                    .x = undefined,
                    .x_stride = undefined,
                    .to = .{ .rows = together },
                    .shift = sample.shift.ptr,
                    .beside = sample.beside,
                };
                sample.times(table, 0, job);
                job.rows = 1;
                for (0..rows) |row| {
                    const alone: Rows = try .init(arena, precision, block);
                    job.to = .{ .rows = alone };
                    job.beside = sample.beside.from(row * block);
                    sample.times(table, row, job);
                    const to = values[row * block ..][0..block];
                    read(alone, to);
                    var other: [block]f32 = undefined;
                    read(together.from(row * block), &other);
                    try testing.expectEqualSlices(f32, &other, to);
                }
            }
            try testing.expect(apart(&seen[0], &seen[1]) < 0.015);
        }
    }.check);
}

fn read(row: Rows, to: *[block]f32) void {
    switch (row) {
        .f32 => |values| to.* = values[0..block].*,
        .int8 => |blocks| for (to, blocks[0].values) |*value, byte| {
            value.* = @as(f32, @floatFromInt(byte)) * blocks[0].scale;
        },
    }
}

// A weight that is 32 of 31.75 units is off by 0.8 %.
test "rectified products of the greatest activations and weights of any signs do not overflow" {
    try forEachTable(struct {
        fn check(arena: std.mem.Allocator, table: *const kernels.Table) !void {
            const ones: [block]f32 = @splat(1);
            const x: Rows = try .init(arena, .int8, block);
            x.putAffine(table, putOf(&ones));
            var values: [block * block]f32 = undefined;
            // Every bit of a column's number, alone and with another one, decides about its sign.
            for (0..block) |n| for (values[n * block ..][0..block], 0..) |*value, k| {
                value.* = if (@popCount(n & k) % 2 == 0) 1 else -0.75;
            };
            for ([_]f32{ 1, -1 }) |sign| {
                for (&values) |*value| value.* *= sign;
                const part: Part = .{ .values = &values, .depth = block };
                const weight: Weight = try .init(arena, table, .int8, block, &.{part});
                var out: [block]f32 = undefined;
                weight.times(table, .{
                    .rows = 1,
                    .x = &.{x},
                    .x_stride = block,
                    .to = .{ .floats = .{ .at = &out, .stride = block } },
                    .rectifies = false,
                });
                for (out, 0..) |got, n| {
                    var want: f32 = 0;
                    for (values[n * block ..][0..block]) |value| want += value;
                    try testing.expectApproxEqAbs(want, got, 0.008 * block);
                }
            }
        }
    }.check);
}

test "a rectified first convolution is the sum of its products, in f32 and in blocks" {
    try forEachTable(struct {
        fn check(arena: std.mem.Allocator, table: *const kernels.Table) !void {
            const rows = 9;
            var prng: std.Random.DefaultPrng = .init(3);
            var x: [3][rows + 2]f32 = undefined;
            var values: [9 * block]f32 = undefined;
            for (&x) |*own| for (own) |*value| {
                value.* = prng.random().floatNorm(f32);
            };
            for (&values) |*value| value.* = prng.random().floatNorm(f32);
            const shift = values[0..block];
            var out: [rows * block]f32 = undefined;
            const blocks: Rows = try .init(arena, .int8, rows * block);
            for ([_]bool{ false, true }) |in_blocks| table.rectified_first(&.{
                .x = .{ &x[0], &x[1], &x[2] },
                .weights = &values,
                .shift = shift,
                .rows = rows,
                .out = if (in_blocks) null else &out,
                .to = if (in_blocks) blocks.int8 else null,
            });
            for (0..rows) |row| {
                var rounded: [block]f32 = undefined;
                read(blocks.from(row * block), &rounded);
                for (0..block) |n| {
                    var want = shift[n];
                    for (0..9) |tap| want += values[tap * block + n] * x[tap / 3][row + tap % 3];
                    want = @max(0, want);
                    try testing.expectApproxEqAbs(want, out[row * block + n], 1e-5);
                    // Half of a step, where the greatest of a block is below 20.
                    try testing.expectApproxEqAbs(want, rounded[n], 20.0 / 127.0 / 2.0);
                }
            }
        }
    }.check);
}
