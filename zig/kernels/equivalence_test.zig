//! Every kernel of every instruction set this processor has, against plain f64 arithmetic: lengths
//! around the vector width, the models' own sizes, unaligned data, zeros, large values.
//!
//! Bounds: a sum of n products of f32 may be off by about n/lanes roundings, each 2^-24 of the
//! running sum; with terms near 1 that is below `n * 2^-24 * sqrt(n)`, times 4 for safety, and a
//! single term may be as large as 16.

const std = @import("std");
const cpu = @import("../compute/cpu.zig");
const kernels = @import("kernels.zig");
const Dtype = kernels.Dtype;
const page_keys = kernels.page_keys;
const testing = std.testing;

const lengths = [_]usize{
    1,  2,  3,  4,  5,  7,   8,   9,   15,  16,  17,  31,   32,
    33, 35, 63, 64, 65, 127, 128, 129, 131, 384, 896, 1024, 3072,
};

/// Runs a check for every table that this processor can run; says which failed.
fn forEachTable(comptime check: fn (*const kernels.Table) anyerror!void) !void {
    var found = cpu.detect().iterator();
    while (found.next()) |isa| {
        check(cpu.table(isa)) catch |err| {
            std.debug.print("kernels of {s}:\n", .{@tagName(isa)});
            return err;
        };
    }
}

pub fn sumBound(n: usize) f64 {
    const count: f64 = @floatFromInt(n);
    return 4 * (16 + count * @sqrt(count)) * std.math.pow(f64, 2, -24);
}

/// Random values around 0, unaligned by one float on purpose.
pub const Data = struct {
    prng: std.Random.DefaultPrng = .init(0x5eed),
    all: std.ArrayList([]f32) = .empty,

    pub fn floats(self: *Data, count: usize) ![*]f32 {
        const block = try testing.allocator.alloc(f32, count + 1);
        try self.all.append(testing.allocator, block);
        for (block) |*value| value.* = self.prng.random().floatNorm(f32);
        return block.ptr + 1;
    }

    pub fn copy(self: *Data, from: [*]const f32, count: usize) ![*]f32 {
        const to = try self.floats(count);
        @memcpy(to[0..count], from);
        return to;
    }

    /// The values at 16 bits; they themselves become what that holds.
    fn halves(self: *Data, table: *const kernels.Table, values: [*]f32, count: usize) ![*]const u8 {
        const raw = try self.floats(count / 2 + 1);
        const half: [*]f16 = @ptrCast(raw);
        table.narrow(values, half, count);
        for (values[0..count], half) |*value, narrow| value.* = narrow;
        return @ptrCast(half);
    }

    /// Weights of a kind, and the same as f32.
    pub fn weights(self: *Data, dtype: Dtype, count: usize) !struct { [*]u8, [*]f32 } {
        const wide = try self.floats(count);
        const raw = try self.floats(count + 1);
        const bytes = @as([*]u8, @ptrCast(raw)) + if (dtype == .f32) @as(usize, 4) else 2;
        for (0..count) |i| switch (dtype) {
            .bf16 => {
                const half: u16 = @truncate(@as(u32, @bitCast(wide[i])) >> 16);
                std.mem.writeInt(u16, bytes[i * 2 ..][0..2], half, .little);
                wide[i] = @bitCast(@as(u32, half) << 16);
            },
            .f16 => {
                const half: f16 = @floatCast(wide[i]);
                std.mem.writeInt(u16, bytes[i * 2 ..][0..2], @bitCast(half), .little);
                wide[i] = half;
            },
            .f32 => std.mem.writeInt(u32, bytes[i * 4 ..][0..4], @bitCast(wide[i]), .little),
        };
        return .{ bytes, wide };
    }

    pub fn deinit(self: *Data) void {
        for (self.all.items) |block| testing.allocator.free(block);
        self.all.deinit(testing.allocator);
    }
};

pub fn dot(a: [*]const f32, b: [*]const f32, n: usize) f64 {
    var sum: f64 = 0;
    for (a[0..n], b[0..n]) |x, y| sum += @as(f64, x) * y;
    return sum;
}

test "widen is exact" {
    try forEachTable(struct {
        fn check(table: *const kernels.Table) !void {
            for (lengths) |n| inline for (.{ Dtype.bf16, .f16, .f32 }) |dtype| {
                var data: Data = .{};
                defer data.deinit();
                const bytes, const want = try data.weights(dtype, n);
                const got = try data.floats(n);
                table.widen(dtype, bytes, got, n);
                try testing.expectEqualSlices(f32, want[0..n], got[0..n]);
            };
        }
    }.check);
}

test "gemv" {
    try forEachTable(struct {
        fn check(table: *const kernels.Table) !void {
            for (lengths) |n| inline for (.{ Dtype.bf16, .f16, .f32 }) |dtype| {
                var data: Data = .{};
                defer data.deinit();
                const rows = 3;
                const bytes, const wide = try data.weights(dtype, rows * n);
                const x = try data.floats(n);
                var got: [rows]f32 = undefined;
                table.gemv(dtype, bytes, x, rows, n, &got);
                for (got, 0..) |value, row| {
                    try testing.expectApproxEqAbs(dot(wide + row * n, x, n), value, sumBound(n));
                }
            };
        }
    }.check);
}

test "pack and gemm, any number of rows and columns, adding or not" {
    try forEachTable(struct {
        fn check(table: *const kernels.Table) !void {
            for ([_]usize{ 1, 9, 130, 896 }) |depth| {
                for ([_]usize{ 1, 5, 6, 13 }) |rows| for ([_]usize{ 1, 15, 16, 33, 64 }) |columns| {
                    try checkGemm(table, .bf16, rows, columns, depth, rows % 2 == 1);
                };
            }
            try checkGemm(table, .f16, 4, 50, 67, false);
            try checkGemm(table, .f32, 4, 50, 67, false);
        }
    }.check);
}

fn checkGemm(
    table: *const kernels.Table,
    dtype: kernels.Dtype,
    rows: usize,
    columns: usize,
    depth: usize,
    add: bool,
) !void {
    var data: Data = .{};
    defer data.deinit();
    const row_elements = depth + 2; // Of which a panel has the first.
    const bytes, const wide = try data.weights(dtype, columns * row_elements);
    const panel = try data.floats(depth * page_keys);
    table.pack(dtype, bytes, row_elements, columns, depth, panel);
    const stride = columns + 3;
    const a = try data.floats(rows * (depth + 1));
    const before = try data.floats(rows * stride);
    const out = try data.copy(before, rows * stride);
    table.gemm(&.{
        .a = a,
        .a_stride = depth + 1,
        .panel = panel,
        .out = out,
        .out_stride = stride,
        .rows = rows,
        .depth = depth,
        .columns = columns,
        .add = add,
    });
    for (0..rows) |row| {
        for (0..stride) |n| {
            const at = row * stride + n;
            if (n >= columns) {
                try testing.expectEqual(before[at], out[at]); // nothing written past the columns
                continue;
            }
            const base: f64 = if (add) before[at] else 0;
            const want = base + dot(a + row * (depth + 1), wide + n * row_elements, depth);
            try testing.expectApproxEqAbs(want, out[at], sumBound(depth));
        }
    }
}

test "norms" {
    try forEachTable(struct {
        fn check(table: *const kernels.Table) !void {
            for (lengths) |n| {
                var data: Data = .{};
                defer data.deinit();
                const x = try data.floats(n);
                const w = try data.floats(n);
                const b = try data.floats(n);
                const out = try data.floats(n);
                const count: f64 = @floatFromInt(n);
                var mean: f64 = 0;
                for (x[0..n]) |value| mean += value / count;
                var variance: f64 = 0;
                for (x[0..n]) |value| variance += (value - mean) * (value - mean) / count;
                table.layer_norm(x, w, b, out, n, 1e-5);
                for (0..n) |i| {
                    const want = (x[i] - mean) / @sqrt(variance + 1e-5) * w[i] + b[i];
                    // n = 1: the difference of equal numbers, scaled by 1/sqrt(eps) = 316.
                    try testing.expectApproxEqAbs(want, out[i], 1e-4);
                }
                table.rms_norm(x, w, out, n, 1e-6);
                const rms = @sqrt(dot(x, x, n) / count + 1e-6);
                for (0..n) |i| try testing.expectApproxEqAbs(x[i] / rms * w[i], out[i], 1e-4);
            }
        }
    }.check);
}

/// erf by its series, good to 1e-12 for |x| < 5: enough to judge f32.
fn erf(x: f64) f64 {
    if (@abs(x) > 5) return std.math.sign(x);
    var term = x;
    var sum = x;
    var n: f64 = 1;
    while (n < 200) : (n += 1) {
        term *= -x * x / n;
        sum += term / (2 * n + 1);
    }
    return sum * 2 / @sqrt(std.math.pi);
}

test "gelu, swiglu, rope, add" {
    try forEachTable(struct {
        fn check(table: *const kernels.Table) !void {
            for (lengths) |n| {
                var data: Data = .{};
                defer data.deinit();
                const x = try data.floats(n);
                const y = try data.floats(n);
                for (x[0..n]) |*value| value.* *= 3;
                try checkGelu(table, &data, x, y, n);

                const gate = try data.copy(x, n);
                table.swiglu(gate, y, n);
                for (0..n) |i| {
                    const g: f64 = x[i];
                    const want = g / (1 + @exp(-g)) * y[i];
                    try testing.expectApproxEqAbs(want, gate[i], 1e-5 + 1e-6 * @abs(want));
                }
                const turned = try data.floats(2 * n);
                const before = try data.copy(turned, 2 * n);
                table.rope(turned, x, y, n);
                for (0..n) |i| {
                    const a: f64, const b: f64 = .{ before[i], before[n + i] };
                    const bound = 1e-6 * (@abs(a) + @abs(b) + 1) * (@abs(x[i]) + @abs(y[i]) + 1);
                    try testing.expectApproxEqAbs(a * x[i] - b * y[i], turned[i], bound);
                    try testing.expectApproxEqAbs(b * x[i] + a * y[i], turned[n + i], bound);
                }
                const sum = try data.copy(x, n);
                table.add(sum, y, n);
                for (0..n) |i| try testing.expectEqual(x[i] + y[i], sum[i]);
            }
        }
    }.check);
}

fn checkGelu(table: *const kernels.Table, data: *Data, x: [*]f32, bias: [*]f32, n: usize) !void {
    const extremes = [_]f32{ 0, -0.0, 100, -100, 1e4, -1e4, 1e-20 };
    for (extremes, 0..) |value, i| {
        if (i < n) x[i] = value;
    }
    const plain = try data.copy(x, n);
    table.gelu(plain, null, n);
    const biased = try data.copy(x, n);
    table.gelu(biased, bias, n);
    for (0..n) |i| {
        const a: f64 = x[i];
        const b: f64 = x[i] + bias[i];
        // erf is good to 1.5e-7, times x/2 <= 7.5 where it still matters; 1e-6 of large values.
        const bound = 2e-6 + 1e-6 * @abs(a);
        try testing.expectApproxEqAbs(a / 2 * (1 + erf(a / @sqrt(2.0))), plain[i], bound);
        try testing.expectApproxEqAbs(b / 2 * (1 + erf(b / @sqrt(2.0))), biased[i], bound);
    }
}

test "peak: the first of the greatest, exactly, and the sum of exponentials" {
    try forEachTable(struct {
        fn check(table: *const kernels.Table) !void {
            for (lengths) |n| {
                var data: Data = .{};
                defer data.deinit();
                const x = try data.floats(n);
                for (x[0..n]) |*value| value.* = @round(value.* * 4); // many equal values
                var peak: kernels.Peak = undefined;
                table.peak(x, n, &peak);
                const index = std.mem.findMax(f32, x[0..n]);
                try testing.expectEqual(index, peak.index);
                try testing.expectEqual(x[index], peak.value);
                var sum: f64 = 0;
                for (x[0..n]) |value| sum += @exp(@as(f64, value) - x[index]);
                // Every addition may round by 2^-24 of the sum.
                const bound = 1e-6 + std.math.pow(f64, 2, -24) * @as(f64, @floatFromInt(n));
                try testing.expectApproxEqRel(sum, peak.exp_sum, bound);
            }
        }
    }.check);
}

test "to 16 bits: the nearest, finite, also in place" {
    try forEachTable(struct {
        fn check(table: *const kernels.Table) !void {
            var data: Data = .{};
            defer data.deinit();
            for (lengths) |n| {
                const x = try data.floats(n);
                x[0] = 1e30;
                x[n / 2] = -std.math.inf(f32);
                x[n - 1] = 3e-6; // Below the smallest normal number.
                const want = try testing.allocator.alloc(f16, n);
                defer testing.allocator.free(want);
                for (want, x) |*to, value| to.* = @floatCast(std.math.clamp(value, -65504, 65504));
                const out: [*]f16 = @ptrCast(x);
                table.narrow(x, out, n);
                try testing.expectEqualSlices(f16, want, out[0..n]);
            }
        }
    }.check);
}

test "attention, causal and not, across pages, whatever rows are beside a row" {
    try forEachTable(struct {
        fn check(table: *const kernels.Table) !void {
            for ([_]u32{ 16, 64, 128 }) |d| {
                for ([_]u32{ 1, 2, 6, 7, 26 }) |rows| for ([_]u32{ 1, 63, 64, 65, 200 }) |keys| {
                    try checkAttention(table, .f32, d, rows, keys, rows % 2 == 0);
                    try checkAttention(table, .f16, d, rows, keys, rows % 2 == 1);
                };
            }
        }
    }.check);
}

/// Against the values as they are stored: reading them as 16 bits adds no error of its own.
fn checkAttention(
    table: *const kernels.Table,
    kv: kernels.Kv,
    d: u32,
    rows: u32,
    keys_first: u32,
    causal: bool,
) !void {
    var data: Data = .{};
    defer data.deinit();
    const group = 2;
    const keys_max = keys_first + if (causal) (rows - 1) / group else 0;
    var pages: [8][*]f32 = undefined;
    const pages_count = (keys_max + page_keys - 1) / page_keys;
    var stored: [8][*]const u8 = undefined;
    for (pages[0..pages_count], stored[0..pages_count]) |*page, *bytes| {
        page.* = try data.floats(2 * d * page_keys);
        bytes.* = if (kv == .f32) @ptrCast(page.*) else try data.halves(table, page.*, 2 * d * page_keys);
    }
    const queries = try data.floats(rows * d);
    const out = try data.floats(rows * d);
    const scratch = try data.floats(kernels.attentionScratch(rows, d));
    var job: kernels.Attention = .{
        .queries = queries,
        .out = out,
        .pages = &stored,
        .kv = kv,
        .key_offset = 0,
        .value_offset = d * page_keys,
        .scratch = scratch,
        .rows = rows,
        .head_dim = d,
        .keys_first = keys_first,
        .rows_per_position = group,
        .causal = causal,
    };
    table.attention(&job);
    for (0..rows) |row| {
        const keys = keys_first + if (causal) row / group else 0;
        var want: [128]f64 = @splat(0);
        softmaxReference(queries + row * d, pages[0..pages_count], keys, d, &want);
        for (0..d) |i| try testing.expectApproxEqAbs(want[i], out[row * d + i], 1e-4);
    }
    if (rows < 2) return; // The last row alone gives the same bits.
    const alone = try data.floats(d);
    job.queries = queries + (rows - 1) * d;
    job.out = alone;
    job.rows = 1;
    job.keys_first = keys_max;
    table.attention(&job);
    try testing.expectEqualSlices(f32, (out + (rows - 1) * d)[0..d], alone[0..d]);
}

fn softmaxReference(query: [*]const f32, pages: []const [*]f32, keys: usize, d: usize, out: *[128]f64) void {
    var scores: [512]f64 = undefined;
    var greatest: f64 = -std.math.inf(f64);
    for (scores[0..keys], 0..) |*score, key| {
        const page = pages[key / page_keys];
        score.* = 0;
        for (0..d) |i| score.* += @as(f64, query[i]) * page[i * page_keys + key % page_keys];
        greatest = @max(greatest, score.*);
    }
    var sum: f64 = 0;
    for (scores[0..keys]) |*score| {
        score.* = @exp(score.* - greatest);
        sum += score.*;
    }
    for (scores[0..keys], 0..) |score, key| {
        const values = pages[key / page_keys] + d * page_keys + key % page_keys * d;
        for (0..d) |i| out[i] += score / sum * values[i];
    }
}

test "8 and 4 bits, many rows: pairs of panels and one that is left, whole and partial, of one part and two" {
    try forEachTable(struct {
        fn check(table: *const kernels.Table) !void {
            for ([_]usize{ 96, 608 }) |columns| for ([_]usize{ 39, 60, 64 }) |outputs| {
                try checkPanels(table, .eight, 81, columns, outputs);
                try checkPanels(table, .four, 81, columns, outputs);
            };
        }
    }.check);
}

test "8 and 4 bits: within the rounding of weights and activations, zero blocks give zero" {
    try forEachTable(struct {
        fn check(table: *const kernels.Table) !void {
            for ([_]usize{ 32, 96, 896 }) |columns| {
                for ([_]usize{ 1, 2, 3, 8, 13, 17, 23 }) |rows| for ([_]usize{ 1, 16, 39, 119 }) |outputs| {
                    try checkPanels(table, .eight, rows, columns, outputs);
                    try checkPanels(table, .four, rows, columns, outputs);
                };
            }
        }
    }.check);
}

/// Weights of bf16, packed.
pub const Panels = struct {
    bits: kernels.Bits,
    columns: usize,
    outputs: usize,
    count: usize,
    weights: []align(64) u8,

    pub fn init(
        table: *const kernels.Table,
        bits: kernels.Bits,
        bytes: [*]const u8,
        outputs: usize,
        columns: usize,
    ) !Panels {
        const panel_rows = kernels.int8_panel_rows;
        const panels = (outputs + panel_rows - 1) / panel_rows;
        const panel_bytes = kernels.panelBytes(bits, columns);
        const to = try testing.allocator.alignedAlloc(u8, .@"64", panels * panel_bytes);
        for (0..panels) |panel| {
            const first = panel * panel_rows;
            const count = @min(panel_rows, outputs - first);
            const from = bytes + first * columns * 2;
            table.pack_panel(bits, .bf16, from, count, columns, to.ptr + panel * panel_bytes);
        }
        return .{ .bits = bits, .columns = columns, .outputs = outputs, .count = panels, .weights = to };
    }

    pub fn deinit(self: Panels) void {
        testing.allocator.free(self.weights);
    }

    /// out[rows][outputs + 1] = x[rows][columns] times the weights.
    fn multiply(self: Panels, table: *const kernels.Table, x: [*]const f32, rows: usize, out: [*]f32) !void {
        const allocator = testing.allocator;
        const columns = self.columns;
        const blocks = columns / kernels.int8_block;
        const each = table.int8_activation_bytes;
        const q = try allocator.alignedAlloc(i8, .@"64", rows * columns * each);
        defer allocator.free(q);
        const scales = try allocator.alloc(f32, rows * blocks);
        defer allocator.free(scales);
        const starts = try allocator.alloc(i32, rows * blocks);
        defer allocator.free(starts);
        for (0..rows) |row| {
            const to = q.ptr + row * columns * each;
            const at = row * blocks;
            table.int8_quantize(x + row * columns, columns, to, scales.ptr + at, starts.ptr + at);
        }
        table.int8_gemm(&.{
            .bits = self.bits,
            .weights = self.weights.ptr,
            .x = q.ptr,
            .scales = scales.ptr,
            .starts = starts.ptr,
            .x_stride = columns,
            .out = out,
            .out_stride = self.outputs + 1,
            .rows = rows,
            .columns = columns,
            .panels = self.count,
            .rows_valid = self.outputs,
        });
    }
};

fn checkPanels(
    table: *const kernels.Table,
    bits: kernels.Bits,
    rows: usize,
    columns: usize,
    outputs: usize,
) !void {
    var data: Data = .{};
    defer data.deinit();
    const bytes, const wide = try data.weights(.bf16, outputs * columns);
    @memset(bytes[0..64], 0); // the first block of the first row
    @memset(wide[0..32], 0);
    const x = try data.floats(rows * columns);
    @memset(x[0..32], 0);
    for (x[columns - 32 .. columns]) |*value| value.* *= 1e6;
    const panels: Panels = try .init(table, bits, bytes, outputs, columns);
    defer panels.deinit();
    const out = try data.floats(rows * (outputs + 1));
    try panels.multiply(table, x, rows, out);
    for (0..rows) |row| for (0..outputs) |n| {
        const want = dot(x + row * columns, wide + n * columns, columns);
        var bound: f64 = 1e-5;
        for (0..columns / 32) |b| {
            const w = wide[n * columns + b * 32 ..][0..32];
            bound += blockBound(bits, w, x[row * columns + b * 32 ..][0..32]);
        }
        try testing.expectApproxEqAbs(want, out[row * (outputs + 1) + n], bound);
    };
    const alone = try data.floats(outputs + 1); // The last row alone gives the same bits.
    try panels.multiply(table, x + (rows - 1) * columns, 1, alone);
    const last = out + (rows - 1) * (outputs + 1);
    try testing.expectEqualSlices(f32, last[0..outputs], alone[0..outputs]);
}

/// How far a block's sum may be off. Activations, and weights of 8 bits: each factor by half a step of
/// its block, a 254th of its greatest. Weights of 4 bits: were the greatest on the first level, each
/// would be within 25/127 of it (the last level is 102 from zero). The scale taken has no greater
/// squared error, so the sum is off by at most the product of the norms of error and activations.
fn blockBound(bits: kernels.Bits, w: *const [32]f32, x: *const [32]f32) f64 {
    var w_max: f64, var x_max: f64 = .{ 0, 0 };
    for (w, x) |w_k, x_k| {
        w_max = @max(w_max, @abs(w_k));
        x_max = @max(x_max, @abs(x_k));
    }
    const x_step = x_max / 253;
    const w_step = if (bits == .eight) w_max / 253 else w_max * 25.5 / 127;
    var of_activations: f64, var of_weights: f64, var x_square: f64 = .{ 0, 0, 0 };
    for (w, x) |w_k, x_k| {
        of_activations += (@abs(w_k) + w_step) * x_step;
        of_weights += @abs(x_k) * w_step;
        x_square += @as(f64, x_k) * x_k;
    }
    return of_activations + if (bits == .eight) of_weights else @sqrt(32 * x_square) * w_step;
}

test "8 bits: the greatest weights times the greatest activations, in all signs" {
    try forEachTable(struct {
        fn check(table: *const kernels.Table) !void {
            var data: Data = .{};
            defer data.deinit();
            const columns, const outputs, const rows = .{ 64, 4, 4 };
            // Bit 0 of the number turns every sign, bit 1 every second one.
            var weights: [outputs][columns]u16 = undefined;
            const x = try data.floats(rows * columns);
            for (&weights, 0..) |*line, n| for (line, 0..) |*weight, k| {
                const sign: f32 = if (n % 2 == n / 2 * k % 2) 1 else -1;
                weight.* = @truncate(@as(u32, @bitCast(sign)) >> 16);
                x[n * columns + k] = sign;
            };
            const panels: Panels = try .init(table, .eight, @ptrCast(&weights), outputs, columns);
            defer panels.deinit();
            const out = try data.floats(rows * (outputs + 1));
            try panels.multiply(table, x, rows, out);
            for (0..rows) |row| for (0..outputs) |n| {
                const want: f32 = switch (row ^ n) {
                    0 => columns,
                    1 => -columns,
                    else => 0,
                };
                try testing.expectApproxEqAbs(want, out[row * (outputs + 1) + n], 0.05); // Scales are f16.
            };
        }
    }.check);
}

test "4 bits: weights are near what they were, and products are with just those" {
    try forEachTable(struct {
        fn check(table: *const kernels.Table) !void {
            var data: Data = .{};
            defer data.deinit();
            const columns, const outputs = .{ 96, 100 };
            const bytes, const wide = try data.weights(.bf16, outputs * columns);
            const panels: Panels = try .init(table, .four, bytes, outputs, columns);
            defer panels.deinit();
            const got = try unpack(&data, table, panels);
            var square: f64, var error_square: f64 = .{ 0, 0 };
            for (wide[0 .. outputs * columns], got) |w, w_got| {
                square += @as(f64, w) * w;
                error_square += (@as(f64, w) - w_got) * (w - w_got);
            }
            // 0.074 for normal weights. The best scales of 16 even steps would give 0.081.
            try testing.expect(@sqrt(error_square / square) < 0.077);

            const x = try data.floats(columns);
            const out = try data.floats(outputs + 1);
            try panels.multiply(table, x, 1, out);
            for (0..outputs) |n| {
                var bound: f64 = 1e-5;
                for (got[n * columns ..][0..columns], 0..) |w, k| {
                    const of_block: @Vector(32, f32) = x[k / 32 * 32 ..][0..32].*;
                    bound += @abs(w) * @reduce(.Max, @abs(of_block)) / 253;
                }
                try testing.expectApproxEqAbs(dot(x, got.ptr + n * columns, columns), out[n], bound);
            }
        }
    }.check);
}

/// The weights as kernels use them, [outputs][columns]: products with activations that are 1 at one
/// place, which 8 bits hold exactly.
fn unpack(data: *Data, table: *const kernels.Table, panels: Panels) ![]f32 {
    const got = try data.floats(panels.outputs * panels.columns);
    const x = try data.floats(panels.columns);
    const out = try data.floats(panels.outputs + 1);
    for (0..panels.columns) |k| {
        @memset(x[0..panels.columns], 0);
        x[k] = 1;
        try panels.multiply(table, x, 1, out);
        for (0..panels.outputs) |n| got[n * panels.columns + k] = out[n];
    }
    return got[0 .. panels.outputs * panels.columns];
}

test "4 bits: a weight alone in its block, weights too small and too large for a scale" {
    try forEachTable(struct {
        fn check(table: *const kernels.Table) !void {
            try expectBlock(table, -3, 0, -3, 0);
            try expectBlock(table, 3, 0, 3, 0);
            try expectBlock(table, 1e-38, 1e-38, 0, 0);
            // The greatest scale is 65504 / 4096; what is beyond its levels ends at the first or last.
            try expectBlock(table, -1e18, 0, -127 * 65504.0 / 4096.0, 0);
            try expectBlock(table, 1e18, 0, 127 * 65504.0 / 4096.0, 0);
        }
    }.check);
}

/// Packs a block of one weight and 31 others, and reads them back.
fn expectBlock(table: *const kernels.Table, one: f32, others: f32, want_one: f32, want_others: f32) !void {
    var data: Data = .{};
    defer data.deinit();
    var weights: [32]u16 = @splat(@truncate(@as(u32, @bitCast(others)) >> 16));
    weights[5] = @truncate(@as(u32, @bitCast(one)) >> 16);
    const panels: Panels = try .init(table, .four, @ptrCast(&weights), 1, weights.len);
    defer panels.deinit();
    for (try unpack(&data, table, panels), 0..) |got, k| {
        const want = if (k == 5) want_one else want_others;
        try testing.expectApproxEqAbs(want, got, @abs(want) / 1000); // An f16 scale is good to 2^-11.
    }
}
