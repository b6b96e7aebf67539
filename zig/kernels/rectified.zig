//! Products of rectified activations, which are never negative, with weights of 8 bits. Activations are bytes without
//! sign in blocks of 32, each with a scale of its own; 32 outputs are computed at a time, and what becomes of them is
//! done while they are in registers: shifted, added to another block, rectified, and rounded to a block themselves.
//!
//!     for every 32 outputs, for every block of the depth:
//!         scales f32[32]
//!         for every vector of outputs: 8 groups of 4 columns  x  lanes  x  4 bytes     (SSE2: 16 of 2  x  2 words)
//!
//! The depth of a row is a few runs of blocks that lie in different places, as those of a convolution's input do. Sums
//! are i32 within a block and f32 from block to block, in the order of the runs: a row has the same result, to the bit,
//! whatever rows stand beside it.
//!
//! Where the instruction set multiplies bytes and adds four products (VNNI, NEON's dot product), that is all. AVX2 and
//! AVX-512 without VNNI multiply u8 by i8 and add two, in i16; NEON without dot products multiplies to i16. There four
//! groups are added in i16 before they are widened, which saves three quarters of the widening. So that this fits with
//! activations of up to 127, neither the positive nor the negative ones among eight weights may exceed 258 together,
//! which makes a block's scale a quarter larger on average. SSE2 multiplies words only: weights are kept as words.

const std = @import("std");
const builtin = @import("builtin");
const kernels = @import("kernels.zig");
const quantized = @import("quantized.zig");
const vec = @import("vec.zig");
const Block = kernels.RectifiedBlock;
const Bytes = quantized.Bytes;
const Floats = quantized.Floats;
const Sum = quantized.Sum;
const Values = quantized.Block;
const block = kernels.int8_block;
const sum_lanes = quantized.sum_lanes;
const outputs = kernels.rectified_outputs;
const vectors = outputs / sum_lanes;

const Way = enum {
    /// Four products and a sum are one instruction.
    dot,
    /// Products of a few groups are added in i16.
    pairs,
    /// Products of words.
    words,
};
const is_arm = builtin.cpu.arch == .aarch64;
const way: Way = if (quantized.has_vnni or quantized.has_dotprod)
    .dot
else if (quantized.has_avx2 or is_arm) .pairs else .words;

/// Columns whose weights are one lane of a vector.
const columns = if (way == .words) 2 else 4;
const groups = block / columns;
const Weight = if (way == .words) i16 else i8;
const Line = @Vector(sum_lanes * columns, Weight);
const Weights = extern struct { scales: [outputs]f32 align(64), lines: [vectors][groups][sum_lanes][columns]Weight };

/// The greatest activation of a block: all of the byte, where it is multiplied without a sign and fits.
const most: f32 = if (quantized.has_vnni or way == .words) 255 else 127;
/// Groups whose products are added in i16.
const groups_together = 4;
/// What the positive or the negative of their weights in one lane of i16 add up to at most, rounded or not.
const eight_most = 32767 / 127;
const rounding_most = 2 * groups_together * 0.5;

/// Bytes of the weights of 32 outputs for a block of the depth.
pub const weight_bytes = @sizeOf(Weights);

/// Rows that are computed together: as many as registers hold, or so that one's end overlaps the other's beginning.
const rows_together = switch (way) {
    .pairs => if (is_arm) 1 else 2,
    .words => 1,
    .dot => if (sum_lanes == 16) 6 else 2,
};

/// Weights f32[32][stride], of which `depth` count, block after block.
pub fn pack(weights: [*]const f32, stride: usize, depth: usize, out: [*]u8) callconv(.c) void {
    const to: [*]Weights = @ptrCast(@alignCast(out));
    for (to[0 .. depth / block], 0..) |*one, b| for (0..outputs) |n| {
        const values: Values = weights[n * stride + b * block ..][0..block].*;
        const scale = scaleOf(values);
        const inverse: f32 = if (scale > 0) 1 / scale else 0;
        const bytes = quantized.roundBytes(values * @as(Values, @splat(inverse)));
        const split: [groups][columns]Weight = @bitCast(@as(@Vector(block, Weight), bytes));
        one.scales[n] = scale;
        for (&one.lines[n / sum_lanes], split) |*line, group| line[n % sum_lanes] = group;
    };
}

/// The least scale with which a block's weights are bytes, and their products fit where they are added.
fn scaleOf(values: Values) f32 {
    const as_bytes = @reduce(.Max, @abs(values)) / 127;
    if (way != .pairs) return as_bytes;
    const zero: Values = @splat(0);
    var greatest: f32 = 0;
    inline for (.{ values, -values }) |some| {
        const positive: [groups / groups_together][groups_together]@Vector(4, f32) =
            @bitCast(@select(f32, some > zero, some, zero));
        inline for (positive) |four| {
            const sum = (four[0] + four[1]) + (four[2] + four[3]);
            greatest = @max(greatest, @max(sum[0] + sum[1], sum[2] + sum[3]));
        }
    }
    return @max(as_bytes, greatest / (eight_most - rounding_most));
}

/// What `affine` makes of rows, whole blocks that are never negative, one after the other; their `out` is not used.
pub fn roundAffine(job: *const kernels.Affine, to: [*]Block) callconv(.c) void {
    const blocks = job.columns / block;
    for (0..job.rows) |row| for (to[row * blocks ..][0..blocks], 0..) |*one, b| {
        const x: Values = job.x[row * job.x_stride + b * block ..][0..block].*;
        one.* = rounded(rectify(vec.mulAdd(block, x, valuesOf(job.scale, b, 1), valuesOf(job.shift, b, 0))));
    };
}

inline fn valuesOf(values: ?[*]const f32, b: usize, comptime otherwise: f32) Values {
    return if (values) |all| all[b * block ..][0..block].* else @splat(otherwise);
}

/// The first convolution, of one channel, in f32: y = shift + three by three products, rectified.
pub fn first(job: *const kernels.RectifiedFirst) callconv(.c) void {
    for (0..job.rows) |row| {
        var y: Values = job.shift[0..outputs].*;
        inline for (job.x, 0..) |x, k| inline for (0..3) |t| {
            const weights: Values = job.weights[(3 * k + t) * outputs ..][0..outputs].*;
            y = vec.mulAdd(outputs, weights, @splat(x[row + t]), y);
        };
        y = rectify(y);
        if (job.out) |out| out[row * outputs ..][0..outputs].* = y;
        if (job.to) |to| to[row] = rounded(y);
    }
}

/// max(0, y). NaN stays, unless its sign is set.
inline fn rectify(y: Values) Values {
    const bits: @Vector(block, i32) = @bitCast(y);
    const zero: @Vector(block, i32) = @splat(0);
    return @bitCast(@select(i32, bits > zero, bits, zero));
}

/// Values that are not negative are in the order of their bits; infinity and NaN come last, and make the block NaN.
inline fn rounded(y: Values) Block {
    const greatest: f32 = @bitCast(@reduce(.Max, @as(@Vector(block, i32), @bitCast(y))));
    const usable = greatest < std.math.inf(f32);
    const inverse: f32 = if (usable and greatest > 0) most / greatest else 0;
    return .{
        .scale = if (usable) greatest * (1 / most) else std.math.nan(f32),
        .values = @bitCast(quantized.roundBytes(y * @as(Values, @splat(inverse)))),
    };
}

/// Rows whose totals, and blocks whose weights, stay in a first-level cache of 32 KB.
const strip_rows = 64;
const blocks_max = 16;

/// Blocks that follow each other in a row, of the first row.
const Run = struct { x: [*]const Block, count: usize };
/// As many blocks as are multiplied at a time.
const Chunk = struct {
    runs: [blocks_max]Run = undefined,
    count: usize = 0,
    is_first: bool,
    is_last: bool,

    fn slice(self: *const Chunk) []const Run {
        return self.runs[0..self.count];
    }
};

/// Products of all rows, and what becomes of them.
pub fn gemm(job: *const kernels.Rectified) callconv(.c) void {
    var depth: usize = 0;
    for (job.runs[0..job.runs_count]) |run| depth += run.blocks;
    const chunks = (depth + blocks_max - 1) / blocks_max;
    const each = (depth + chunks - 1) / chunks;
    const strips = (job.rows + strip_rows - 1) / strip_rows;
    const rows = (job.rows + strips - 1) / strips;
    var output: usize = 0;
    while (output < job.outputs) : (output += outputs) {
        const all: [*]const Weights = @ptrCast(@alignCast(job.weights + output / outputs * depth * weight_bytes));
        var row: usize = 0;
        while (row < job.rows) : (row += rows) {
            var totals: [strip_rows][vectors]Floats = undefined;
            const some = @min(rows, job.rows - row);
            const part: Part = .{ .job = job, .output = output, .row = row, .rows = some, .totals = &totals };
            var walk: Walk = .{ .runs = job.runs };
            var done: usize = 0;
            while (done < depth) : (done += each) {
                const count = @min(each, depth - done);
                var chunk: Chunk = .{ .is_first = done == 0, .is_last = done + count == depth };
                walk.take(count, &chunk);
                part.add(all[done .. done + count], &chunk);
            }
        }
    }
}

/// Goes along a row's runs.
const Walk = struct {
    runs: [*]const kernels.RectifiedRun,
    at: usize = 0,

    fn take(self: *Walk, count: usize, chunk: *Chunk) void {
        var left = count;
        while (left > 0) {
            const run = self.runs[0];
            const some = @min(left, run.blocks - self.at);
            chunk.runs[chunk.count] = .{ .x = run.x + self.at, .count = some };
            chunk.count += 1;
            left -= some;
            self.at += some;
            if (self.at < run.blocks) continue;
            self.at = 0;
            self.runs += 1;
        }
    }
};

/// Some rows of 32 outputs.
const Part = struct {
    job: *const kernels.Rectified,
    output: usize,
    row: usize,
    rows: usize,
    totals: *[strip_rows][vectors]Floats,

    fn add(self: Part, weights: []const Weights, chunk: *const Chunk) void {
        var row: usize = 0;
        while (row + rows_together <= self.rows) : (row += rows_together) {
            self.addRows(rows_together, weights, chunk, row);
        }
        const rest = self.rows - row;
        inline for (1..rows_together) |some| {
            if (rest == some) self.addRows(some, weights, chunk, row);
        }
    }

    fn addRows(self: Part, comptime rows: usize, weights: []const Weights, chunk: *const Chunk, row: usize) void {
        var totals: [rows][vectors]Floats = undefined;
        if (chunk.is_first) totals = @splat(@splat(@splat(0))) else totals = self.totals[row..][0..rows].*;
        const stride = self.job.x_stride;
        var b: usize = 0;
        for (chunk.slice()) |run| {
            const x = run.x + (self.row + row) * stride;
            for (0..run.count) |i| addBlock(rows, &weights[b + i], x + i, stride, &totals);
            b += run.count;
        }
        if (chunk.is_last) {
            inline for (0..rows) |r| finish(self.job, self.row + row + r, self.output, totals[r]);
        } else self.totals[row..][0..rows].* = totals;
    }
};

inline fn addBlock(
    comptime rows: usize,
    weights: *const Weights,
    x: [*]const Block,
    stride: usize,
    totals: *[rows][vectors]Floats,
) void {
    @setEvalBranchQuota(20_000);
    var sums: [rows][vectors]Sum = @splat(@splat(@splat(0)));
    if (way == .pairs) addPairs(rows, weights, x, stride, &sums) else inline for (0..groups) |g| {
        inline for (0..vectors) |v| {
            const line: Line = @bitCast(weights.lines[v][g]);
            inline for (&sums, 0..) |*own, r| own[v] = dot(own[v], line, groupOf(&x[r * stride], g));
        }
    }
    inline for (0..vectors) |v| {
        const scale: Floats = weights.scales[v * sum_lanes ..][0..sum_lanes].*;
        inline for (totals, sums, 0..) |*own, sum, r| {
            const by = scale * @as(Floats, @splat(x[r * stride].scale));
            own[v] = vec.mulAdd(sum_lanes, @floatFromInt(sum[v]), by, own[v]);
        }
    }
}

/// What stands in every lane: four bytes, or two words.
inline fn groupOf(x: *const Block, comptime g: usize) i32 {
    const some: [columns]u8 = x.values[g * columns ..][0..columns].*;
    return if (way == .words) @as(i32, some[0]) | @as(i32, some[1]) << 16 else @bitCast(some);
}

inline fn dot(sum: Sum, weights: Line, group: i32) Sum {
    if (way == .words) return sum + quantized.productsOfWords(weights, @bitCast(@as(Sum, @splat(group))));
    return quantized.dotUnsigned(sum, group, weights);
}

/// Products of a few groups in i16, two to a lane of i32.
const Pairs = if (is_arm) [2]@Vector(8, i16) else quantized.Pairs;

inline fn addPairs(
    comptime rows: usize,
    weights: *const Weights,
    x: [*]const Block,
    stride: usize,
    sums: *[rows][vectors]Sum,
) void {
    inline for (0..groups / groups_together) |part| {
        var pairs: [rows][vectors]Pairs = undefined;
        inline for (0..groups_together) |i| inline for (&pairs, 0..) |*own, r| {
            const g = part * groups_together + i;
            const group: Sum = keep(@splat(groupOf(&x[r * stride], g)));
            inline for (own, 0..) |*pair, v| {
                const more = pairsOf(@bitCast(group), @bitCast(weights.lines[v][g]));
                pair.* = if (i == 0) more else plus(pair.*, more);
            }
        };
        inline for (sums, pairs) |*own, some| inline for (own, some) |*sum, pair| {
            sum.* = keep(sum.* + widened(pair));
        };
    }
}

/// Left alone, the compiler turns the order of the steps around, until vectors wait on the stack.
inline fn keep(value: Sum) Sum {
    return if (is_arm) value else quantized.inRegister(value);
}

inline fn pairsOf(x: Bytes, weights: Bytes) Pairs {
    if (!is_arm) return @bitCast(keep(@bitCast(quantized.sumsOfTwo(@bitCast(x), weights))));
    var halves: Pairs = undefined;
    inline for (&halves, 0..) |*half, i| half.* = quantized.halfOf(weights, i) * quantized.halfOf(x, i);
    return halves;
}

inline fn plus(a: Pairs, b: Pairs) Pairs {
    if (!is_arm) return @bitCast(keep(@bitCast(a + b)));
    return .{ a[0] + b[0], a[1] + b[1] };
}

inline fn widened(pairs: Pairs) Sum {
    return if (is_arm) quantized.sumsOfFours(pairs) else quantized.sumsOfPairs(pairs);
}

/// What becomes of a row's 32 outputs.
inline fn finish(job: *const kernels.Rectified, row: usize, output: usize, totals: [vectors]Floats) void {
    const b = output / outputs;
    var y = vec.mulAdd(outputs, @bitCast(totals), valuesOf(job.scale, b, 1), valuesOf(job.shift, b, 0));
    if (job.beside) |beside| {
        const one = &beside[row];
        const values: Values = @floatFromInt(@as(@Vector(block, u8), one.values));
        y = vec.mulAdd(outputs, values, @splat(one.scale), y);
    }
    if (job.rectifies) y = rectify(y);
    if (job.sums) |sums| {
        const to = sums[output..][0..outputs];
        to.* = @as(Values, to.*) + y;
    }
    if (job.out) |out| out[row * job.out_stride + output ..][0..outputs].* = y;
    if (job.to) |to| to[row * job.to_stride + b] = rounded(y);
}
