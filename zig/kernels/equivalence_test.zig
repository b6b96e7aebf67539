//! Every kernel of every instruction set this processor has, against plain f64 arithmetic: lengths
//! around the vector width, the models' own sizes, unaligned data, zeros, large values.
//!
//! Bounds: a sum of n products of f32 may be off by about n/lanes roundings, each 2^-24 of the
//! running sum; with terms near 1 that is below `n * 2^-24 * sqrt(n)`, times 4 for safety, and a
//! single term may be as large as 16.

const std = @import("std");
const cpu = @import("../cpu.zig");
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

fn sumBound(n: usize) f64 {
    const count: f64 = @floatFromInt(n);
    return 4 * (16 + count * @sqrt(count)) * std.math.pow(f64, 2, -24);
}

/// Random values around 0, unaligned by one float on purpose.
const Data = struct {
    prng: std.Random.DefaultPrng = .init(0x5eed),
    all: std.ArrayList([]f32) = .empty,

    fn floats(self: *Data, count: usize) ![*]f32 {
        const block = try testing.allocator.alloc(f32, count + 1);
        try self.all.append(testing.allocator, block);
        for (block) |*value| value.* = self.prng.random().floatNorm(f32);
        return block.ptr + 1;
    }

    fn copy(self: *Data, from: [*]const f32, count: usize) ![*]f32 {
        const to = try self.floats(count);
        @memcpy(to[0..count], from);
        return to;
    }

    /// Weights of a kind, and the same as f32.
    fn weights(self: *Data, dtype: Dtype, count: usize) !struct { [*]u8, [*]f32 } {
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

    fn deinit(self: *Data) void {
        for (self.all.items) |block| testing.allocator.free(block);
        self.all.deinit(testing.allocator);
    }
};

fn dot(a: [*]const f32, b: [*]const f32, n: usize) f64 {
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
                    try checkGemm(table, rows, columns, depth, rows % 2 == 1);
                };
            }
        }
    }.check);
}

fn checkGemm(table: *const kernels.Table, rows: usize, columns: usize, depth: usize, add: bool) !void {
    var data: Data = .{};
    defer data.deinit();
    const bytes, const wide = try data.weights(.bf16, columns * depth);
    const panel = try data.floats(depth * page_keys);
    table.pack(.bf16, bytes, columns, depth, panel);
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
            const want = base + dot(a + row * (depth + 1), wide + n * depth, depth);
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

test "attention, causal and not, across pages, whatever rows are beside a row" {
    try forEachTable(struct {
        fn check(table: *const kernels.Table) !void {
            for ([_]u32{ 16, 64, 128 }) |d| {
                for ([_]u32{ 1, 2, 6, 7, 26 }) |rows| for ([_]u32{ 1, 63, 64, 65, 200 }) |keys| {
                    try checkAttention(table, d, rows, keys, rows % 2 == 0);
                };
            }
        }
    }.check);
}

fn checkAttention(table: *const kernels.Table, d: u32, rows: u32, keys_first: u32, causal: bool) !void {
    var data: Data = .{};
    defer data.deinit();
    const group = 2;
    const keys_max = keys_first + if (causal) (rows - 1) / group else 0;
    var pages: [8][*]f32 = undefined;
    const pages_count = (keys_max + page_keys - 1) / page_keys;
    for (pages[0..pages_count]) |*page| page.* = try data.floats(2 * d * page_keys);
    const queries = try data.floats(rows * d);
    const out = try data.floats(rows * d);
    const scratch = try data.floats(kernels.attention_rows * page_keys);
    var job: kernels.Attention = .{
        .queries = queries,
        .out = out,
        .pages = &pages,
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

test "int8: within the rounding of weights and activations, zero blocks give zero" {
    try forEachTable(struct {
        fn check(table: *const kernels.Table) !void {
            for ([_]usize{ 32, 96, 896 }) |columns| {
                for ([_]usize{ 1, 2, 3, 8, 13 }) |rows| for ([_]usize{ 1, 16, 39 }) |outputs| {
                    try checkInt8(table, rows, columns, outputs);
                };
            }
        }
    }.check);
}

fn checkInt8(table: *const kernels.Table, rows: usize, columns: usize, outputs: usize) !void {
    var data: Data = .{};
    defer data.deinit();
    const bytes, const wide = try data.weights(.bf16, outputs * columns);
    @memset(bytes[0..64], 0); // the first block of the first row
    @memset(wide[0..32], 0);
    const x = try data.floats(rows * columns);
    @memset(x[0..32], 0);
    for (x[columns - 32 .. columns]) |*value| value.* *= 1e6;
    const panels = (outputs + kernels.int8_panel_rows - 1) / kernels.int8_panel_rows;
    const panel_bytes = kernels.int8PanelBytes(columns);
    const allocator = testing.allocator;
    const packed_weights = try allocator.alignedAlloc(u8, .@"64", panels * panel_bytes);
    defer allocator.free(packed_weights);
    for (0..panels) |panel| {
        const first = panel * kernels.int8_panel_rows;
        const count = @min(kernels.int8_panel_rows, outputs - first);
        const from = bytes + first * columns * 2;
        table.int8_pack(.bf16, from, count, columns, packed_weights.ptr + panel * panel_bytes);
    }
    const q = try allocator.alignedAlloc(i8, .@"64", rows * columns);
    defer allocator.free(q);
    const blocks = columns / kernels.int8_block;
    const scales = try data.floats(rows * blocks);
    const starts = try allocator.alloc(i32, rows * blocks);
    defer allocator.free(starts);
    for (0..rows) |row| {
        const to = q.ptr + row * columns;
        table.int8_quantize(x + row * columns, columns, to, scales + row * blocks, starts.ptr + row * blocks);
    }
    const out = try data.floats(rows * (outputs + 1));
    table.int8_gemm(&.{
        .weights = packed_weights.ptr,
        .x = q.ptr,
        .scales = scales,
        .starts = starts.ptr,
        .out = out,
        .out_stride = outputs + 1,
        .rows = rows,
        .columns = columns,
        .panels = panels,
        .rows_valid = outputs,
    });
    for (0..rows) |row| for (0..outputs) |n| {
        const want = dot(x + row * columns, wide + n * columns, columns);
        // Every factor is off by at most half a step of its block: |w| / 254 and |x| / 254.
        var bound: f64 = 1e-5;
        for (0..blocks) |b| {
            const w = wide[n * columns + b * 32 ..][0..32];
            const v = x[row * columns + b * 32 ..][0..32];
            var w_max: f64, var x_max: f64 = .{ 0, 0 };
            for (w, v) |w_k, x_k| {
                w_max = @max(w_max, @abs(w_k));
                x_max = @max(x_max, @abs(x_k));
            }
            for (w, v) |w_k, x_k| {
                bound += (@abs(x_k) * w_max + @abs(w_k) * x_max + w_max * x_max / 254) / 253;
            }
        }
        try testing.expectApproxEqAbs(want, out[row * (outputs + 1) + n], bound);
    };
}
