//! The kernels of layers.zig, of every instruction set this processor has, against plain f64 arithmetic: numbers of
//! columns around the vector width, strides beyond them, any number of rows. Sums of up to 70 terms near 1 may be off
//! by 70 roundings, 70 * 2^-24 * 70 < 3e-4; what has no sum, by a few roundings; tanh is within 5e-7.

const std = @import("std");
const cpu = @import("../compute/cpu.zig");
const kernels = @import("kernels.zig");
const testing = std.testing;

const columns_tried = [_]usize{ 1, 3, 4, 7, 8, 15, 16, 17, 33, 60, 80 };
const most = 80;
const stride = most + 3;
const rows_most = 70;

const Data = struct {
    x: [rows_most * stride]f32,
    scale: [most]f32,
    shift: [most]f32,
    out: [rows_most * stride]f32,

    fn init(seed: u64) Data {
        var prng: std.Random.DefaultPrng = .init(seed);
        var self: Data = undefined;
        inline for (.{ &self.x, &self.scale, &self.shift, &self.out }) |values| {
            for (values) |*value| value.* = prng.random().floatNorm(f32);
        }
        return self;
    }
};

fn forEach(comptime check: fn (*const kernels.Table, usize, usize) anyerror!void) !void {
    var found = cpu.detect().iterator();
    while (found.next()) |isa| for (columns_tried) |columns| for ([_]usize{ 1, 2, 23 }) |rows| {
        check(cpu.table(isa), columns, rows) catch |reason| {
            std.debug.print("{t}, {d} columns, {d} rows\n", .{ isa, columns, rows });
            return reason;
        };
    };
}

test "affine: scale, shift and slope, or none of them; nothing beside the columns is touched" {
    try forEach(struct {
        fn check(table: *const kernels.Table, columns: usize, rows: usize) !void {
            const slopes = [_]f32{ 0, 0.01, 1 };
            for (slopes, [_]bool{ true, false, true }, [_]bool{ true, true, false }) |slope, scales, shifts| {
                var data: Data = .init(columns);
                const before = data.out;
                table.affine(&.{
                    .x = &data.x,
                    .x_stride = stride,
                    .scale = if (scales) &data.scale else null,
                    .shift = if (shifts) &data.shift else null,
                    .out = &data.out,
                    .out_stride = stride,
                    .rows = rows,
                    .columns = columns,
                    .slope = slope,
                });
                for (data.out, before, 0..) |got, old, at| {
                    const row, const i = .{ at / stride, at % stride };
                    if (row >= rows or i >= columns) {
                        try testing.expectEqual(old, got);
                        continue;
                    }
                    const scale: f64 = if (scales) data.scale[i] else 1;
                    const y = data.x[at] * scale + if (shifts) @as(f64, data.shift[i]) else 0;
                    try testing.expectApproxEqAbs(if (y < 0) y * slope else y, @as(f64, got), 2e-6);
                }
            }
        }
    }.check);
}

test "pool: the greatest of three rows" {
    try forEach(struct {
        fn check(table: *const kernels.Table, columns: usize, rows: usize) !void {
            var data: Data = .init(rows);
            table.pool(&.{
                .x = &data.x,
                .x_stride = stride,
                .out = &data.out,
                .out_stride = columns,
                .rows = rows,
                .columns = columns,
            });
            for (0..rows) |row| for (0..columns) |i| {
                var want = -std.math.inf(f32);
                for (0..kernels.pooled_rows) |r| {
                    want = @max(want, data.x[(row * kernels.pooled_rows + r) * stride + i]);
                }
                try testing.expectEqual(want, data.out[row * columns + i]);
            };
        }
    }.check);
}

test "moments: sums and squares around a centre" {
    try forEach(struct {
        fn check(table: *const kernels.Table, columns: usize, some: usize) !void {
            const rows = 3 * some + 1;
            for ([_]bool{ false, true }) |centred| {
                var data: Data = .init(some);
                var sums: [2][most]f32 = undefined;
                table.moments(&.{
                    .x = &data.x,
                    .x_stride = stride,
                    .centre = if (centred) &data.shift else null,
                    .sums = &sums[0],
                    .squares = &sums[1],
                    .rows = rows,
                    .columns = columns,
                });
                for (0..columns) |i| {
                    var want: [2]f64 = .{ 0, 0 };
                    for (0..rows) |row| {
                        const d = @as(f64, data.x[row * stride + i]) - if (centred) @as(f64, data.shift[i]) else 0;
                        want[0] += d;
                        want[1] += d * d;
                    }
                    for (want, sums) |sum, got| try testing.expectApproxEqAbs(sum, got[i], 3e-4);
                }
            }
        }
    }.check);
}

test "lstm: one step, of gates small and large" {
    try forEach(struct {
        fn check(table: *const kernels.Table, n: usize, level: usize) !void {
            var data: Data = .init(n + level);
            const bias = data.x[4 * n ..];
            var cell: [most]f32 = data.scale;
            var hidden: [most]f32 = undefined;
            for (data.x[0 .. 4 * n]) |*gate| gate.* *= @floatFromInt(level * level);
            table.lstm(&data.x, bias.ptr, &cell, &hidden, n);
            for (0..n) |i| {
                var gate: [4]f64 = undefined;
                for (&gate, 0..) |*one, g| one.* = data.x[g * n + i] + bias[g * n + i];
                const next = sigmoid(gate[1]) * data.scale[i] + sigmoid(gate[0]) * std.math.tanh(gate[2]);
                try testing.expectApproxEqAbs(next, @as(f64, cell[i]), 2e-6);
                try testing.expectApproxEqAbs(sigmoid(gate[3]) * std.math.tanh(next), @as(f64, hidden[i]), 2e-6);
            }
        }

        fn sigmoid(x: f64) f64 {
            return 1 / (1 + @exp(-x));
        }
    }.check);
}
