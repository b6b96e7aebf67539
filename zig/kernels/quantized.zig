//! Products with weights at 8 or 4 bits: sixteen rows at a time, blocks of 32 along the depth, each
//! with a scale of its own; activations rounded to 8 bits per row and block on the fly (rounding.zig).
//!
//!     panel of 16 rows, for every two blocks of 32 columns:
//!         scales f16[2][16], times 2^12 so that small ones stay normal numbers
//!         two blocks of
//!         8 bits: 8 groups of 4 columns  x  16 rows  x  4 bytes       one 64-byte line is 16 rows x 4 columns
//!         4 bits: 4 such lines; the low halves of the bytes are groups 0, 2, 4, 6, the high ones 1, 3, 5, 7
//!
//! All of a panel is one stream of whole cache lines: a product with few rows takes as long as
//! memory does, and a second stream for the scales would cost a third of the speed.
//!
//! The same panel serves one row of activations and many: a line of weights meets four activations
//! broadcast to all rows, and no sum ever crosses lanes. An output's sum is built block after block,
//! in i32 within a block and in f32 across blocks, whatever the number of rows beside it.
//!
//! A weight of 4 bits is the number of one of 16 `levels`, which are bytes as those of 8 bits: one
//! lookup per line, and all that follows is the same. Uneven levels take no more room than even ones
//! and are off by 8 % less on weights as they are (0.073 of their size, root mean square, instead of
//! 0.079 for the best of -8..7). Their scale may be negative, so that the greatest weight of a block
//! falls on the longer side.
//!
//! With VNNI (of AVX-512, or AVX-VNNI with vectors half as wide), weights meet the sum as unsigned
//! bytes, 128 too large: the instruction multiplies u8 by i8. What that adds to a block's sum is 128
//! times the sum of its activations, so the sum starts at minus that. A block of zeros has scale 0 and
//! gives 0.
//!
//! Where AVX2 or AVX-512 lacks VNNI, its instruction multiplies u8 by i8, too, but adds only pairs, in
//! i16, which weights of up to 255 would not fit. There an activation is stored as its size and its sign,
//! 0 or -1. A weight whose bits are turned where the sign is -1 is -w - 1: turning runs on every unit, a
//! change of sign on half of them. What is then missing from a block's sum is the sizes of its negative
//! activations, so the sum starts at that. Sizes are at most 127 and weights as they are or turned at
//! least -128, so pairs fit.

const std = @import("std");
const builtin = @import("builtin");
const kernels = @import("kernels.zig");
const vec = @import("vec.zig");
const assert = std.debug.assert;

pub const block = kernels.int8_block;
pub const panel_rows = kernels.int8_panel_rows;
pub const groups = block / 4;
const line_bytes = 4 * panel_rows;
/// Scales are stored this much larger: f16 has few numbers below 2^-14.
pub const scale_shift = 4096.0;

const has_avx512vnni = builtin.cpu.arch == .x86_64 and
    std.Target.x86.featureSetHas(builtin.cpu.features, .avx512vnni);
const has_avxvnni = builtin.cpu.arch == .x86_64 and
    std.Target.x86.featureSetHas(builtin.cpu.features, .avxvnni);
pub const has_vnni = has_avx512vnni or has_avxvnni;
pub const has_avx2 = builtin.cpu.arch == .x86_64 and
    std.Target.x86.featureSetHas(builtin.cpu.features, .avx2);
const has_avx512 = builtin.cpu.arch == .x86_64 and
    std.Target.x86.featureSetHas(builtin.cpu.features, .avx512bw);
pub const has_dotprod = builtin.cpu.arch == .aarch64 and
    std.Target.aarch64.featureSetHas(builtin.cpu.features, .dotprod);

/// Added to the bytes that meet the activations; those of 8 bits are stored so.
pub const bias: i32 = if (has_vnni) 128 else 0;

/// Activations are sizes and signs: four sizes, then their four signs.
pub const splits_signs = has_avx2 and !has_vnni;
/// Bytes of an activation.
pub const activation_bytes = if (splits_signs) 2 else 1;

/// Sums of one line (or half, quarter of it) at a time: i32 per row.
pub const sum_lanes: u32 = if (has_avx512) 16 else if (has_avx2) 8 else 4;
pub const parts = panel_rows / sum_lanes;
pub const Sum = @Vector(sum_lanes, i32);
pub const Bytes = @Vector(sum_lanes * 4, i8);
pub const Floats = @Vector(sum_lanes, f32);

/// Levels of 4 bits: what Lloyd's iteration gives for normally distributed blocks whose greatest value
/// is on the negative side, each block with its best scale. 0 is kept one of them, for sparse weights.
const levels = [16]i8{ -127, -102, -79, -62, -47, -35, -23, -11, 0, 12, 24, 36, 50, 65, 81, 102 };

/// Packs up to 16 rows of weights; missing rows become zero.
pub fn pack(
    bits: kernels.Bits,
    dtype: kernels.Dtype,
    weights: [*]const u8,
    rows: usize,
    columns: usize,
    out: [*]u8,
) callconv(.c) void {
    switch (bits) {
        inline else => |b| switch (dtype) {
            inline else => |d| packPanel(b, d, weights, rows, columns, out),
        },
    }
}

pub const Block = @Vector(block, f32);
const BlockBytes = @Vector(block, u8);
/// One row of one block: a byte per weight as `bits` are stored, and the stored scale.
const Packed = struct { bytes: BlockBytes, scale: f16 };

fn packPanel(
    comptime bits: kernels.Bits,
    comptime dtype: kernels.Dtype,
    weights: [*]const u8,
    rows: usize,
    columns: usize,
    out: [*]u8,
) void {
    const row_bytes = columns * comptime dtype.size();
    const blocks = columns / block;
    if (blocks % 2 == 1) @memset(out[scalesAt(bits, blocks - 1)..][0..kernels.pair_scale_bytes], 0);
    for (0..blocks) |b| {
        const scales: [*]f16 = @ptrCast(@alignCast(out + scalesAt(bits, b)));
        for (0..panel_rows) |row| {
            var values: Block = @splat(0);
            if (row < rows) values = vec.widen(block, dtype, weights + row * row_bytes, b * block);
            const one = if (bits == .eight) packEight(values) else packFour(values);
            scales[row] = one.scale;
            const fours: [groups]u32 = @bitCast(one.bytes);
            const first = out + linesAt(bits, b) + row * 4;
            inline for (0..comptime lineCount(bits)) |line| {
                const to: *align(4) u32 = @ptrCast(@alignCast(first + line * line_bytes));
                to.* = if (bits == .eight) fours[line] else fours[2 * line] | fours[2 * line + 1] << 4;
            }
        }
    }
}

/// Where block b's scales and lines are in a panel.
pub fn scalesAt(bits: kernels.Bits, b: usize) usize {
    return b / 2 * pairBytes(bits) + b % 2 * panel_rows * @sizeOf(f16);
}

pub fn linesAt(bits: kernels.Bits, b: usize) usize {
    return b / 2 * pairBytes(bits) + kernels.pair_scale_bytes + b % 2 * bits.blockBytes();
}

pub fn pairBytes(bits: kernels.Bits) usize {
    return kernels.pair_scale_bytes + 2 * bits.blockBytes();
}

/// Lines of a block.
fn lineCount(bits: kernels.Bits) usize {
    return bits.blockBytes() / line_bytes;
}

inline fn packEight(values: Block) Packed {
    // Rounded first and then divided by, so that the rounding of the scale costs nothing.
    const stored = storedScale(@reduce(.Max, @abs(values)) / 127.0);
    const limit: Block = @splat(127);
    const narrow = roundBytes(@max(@min(values * @as(Block, @splat(inverseOf(stored))), limit), -limit));
    return .{ .bytes = @as(BlockBytes, @bitCast(narrow)) +% @as(BlockBytes, @splat(bias)), .scale = stored };
}

/// The nearest f16 of the scale as stored, kept finite.
inline fn storedScale(scale: f32) f16 {
    const greatest: f32 = std.math.floatMax(f16);
    return @floatCast(@max(@min(scale * scale_shift, greatest), -greatest));
}

/// What weights are multiplied by; 0 where the scale is.
inline fn inverseOf(stored: f16) f32 {
    const scale = @as(f32, stored) / scale_shift;
    return if (scale != 0) 1 / scale else 0;
}

/// Where the search puts a block's greatest weight, in levels: about the greatest level, which may be
/// overshot. More than these six win less than 0.5 % of the error.
const peaks = [_]f32{ -100, -109, -118, -127, -136, -145 };

/// The scale of the smallest squared error among those that are best for one of `peaks`.
inline fn packFour(values: Block) Packed {
    const greatest = @reduce(.Max, values);
    const least = @reduce(.Min, values);
    const extreme = if (greatest > -least) greatest else least;
    var best_gain: f32 = 0;
    var best_scale: f32 = 0;
    if (@abs(extreme) > 1e-15) for (peaks) |peak| { // Scales of less are stored as 0; squares underflow.
        const near = levelsOf(values * @as(Block, @splat(peak / extreme)));
        const with_values = @reduce(.Add, near * values);
        const with_self = @reduce(.Add, near * near);
        // With the best scale, with_values / with_self, the error is |values|^2 minus this.
        const gain = with_values / with_self * with_values;
        if (gain > best_gain) {
            best_gain = gain;
            best_scale = with_values / with_self;
        }
    };
    const stored = storedScale(best_scale);
    return .{ .bytes = numbersOf(values * @as(Block, @splat(inverseOf(stored)))), .scale = stored };
}

/// The nearest levels, of values in their unit.
inline fn levelsOf(values: Block) Block {
    var near: Block = @splat(levels[0]);
    inline for (levels[0..15], levels[1..]) |below, above| {
        const between: Block = @splat((@as(f32, below) + above) / 2);
        const step: Block = @splat(@as(f32, above) - below);
        near += @select(f32, values > between, step, @as(Block, @splat(0)));
    }
    return near;
}

/// The same levels' numbers.
inline fn numbersOf(values: Block) BlockBytes {
    var numbers: BlockBytes = @splat(0);
    inline for (levels[0..15], levels[1..]) |below, above| {
        const between: Block = @splat((@as(f32, below) + above) / 2);
        numbers += @intFromBool(values > between);
    }
    return numbers;
}

pub const RoundedBlock = @Vector(block, i8);

/// To the nearest integers, all within a byte.
pub inline fn roundBytes(values: Block) RoundedBlock {
    const magic: Block = @splat(12582912.0); // 1.5 * 2^23: adding it leaves the integer in the low bits
    const shifted: @Vector(block, i32) = @bitCast(values + magic);
    return @truncate(shifted -% @as(@Vector(block, i32), @bitCast(magic)));
}

/// out[row][panel * 16 + r] for all rows of activations and the job's panels.
pub fn gemm(job: *const kernels.Int8) callconv(.c) void {
    switch (job.bits) {
        inline else => |bits| gemmOf(bits, job),
    }
}

fn gemmOf(comptime bits: kernels.Bits, job: *const kernels.Int8) void {
    if (widens and job.rows >= widen_rows_min) return gemmWidened(bits, job);
    const panel_bytes = kernels.panelBytes(bits, job.columns);
    for (0..job.panels) |panel| multiplyPanel(bits, job, job.weights + panel * panel_bytes, panel);
}

inline fn multiplyPanel(comptime bits: kernels.Bits, job: *const kernels.Int8, from: [*]const u8, panel: usize) void {
    const valid = @min(panel_rows, job.rows_valid - panel * panel_rows);
    var row: usize = 0;
    while (row + tile_rows <= job.rows) : (row += tile_rows) {
        tile(bits, tile_rows, job, from, panel, valid, row);
    }
    const rest = job.rows - row;
    inline for (1..tile_rows) |rows| {
        if (rest == rows) tile(bits, rows, job, from, panel, valid, row);
    }
}

/// SSE2 multiplies words only. For many rows it is faster to make words of a panel's bytes, a part at a
/// time, and of the rows' bytes:
///
///     four bytes of a row    | b0 | b1 | b2 | b3 |
///     even, odd words        | b0      | b2      |   | b1      | b3      |
///
/// One instruction multiplies words and adds neighbours. The integers are those of `tile`, and so is
/// the order of the blocks: a row has the same result either way, to the bit.
const widens = builtin.cpu.arch == .x86_64 and !has_avx2;
const widen_rows_min = 10;
/// Blocks and panels whose words, with those of a few rows, stay in the first-level cache.
const widened_blocks = 8;
const widened_panels = 2;
const word_rows = 2;
const Words = @Vector(2 * sum_lanes, i16);

/// Some blocks of a panel.
const Widened = struct {
    words: [widened_blocks][groups][parts][2]Words,
    scales: [widened_blocks][parts]Floats,

    fn fill(self: *Widened, comptime bits: kernels.Bits, panel: [*]const u8, first: usize, count: usize) void {
        for (self.words[0..count], self.scales[0..count], first..) |*words, *scales, b| {
            const lines = panel + linesAt(bits, b);
            // The next part's, which come while this one is multiplied.
            inline for (0..comptime (pairBytes(bits) / 2 + 63) / 64) |line| {
                @prefetch(lines + widened_blocks / 2 * pairBytes(bits) + line * 64, .{ .locality = 2 });
            }
            inline for (0..groups) |g| inline for (0..parts) |part| {
                words[g][part] = evenAndOdd(2 * sum_lanes, @bitCast(weightsOf(bits, lines, g, part)));
            };
            const stored: [*]const f16 = @ptrCast(@alignCast(panel + scalesAt(bits, b)));
            inline for (0..parts) |part| scales[part] = scaleOf(stored, part);
        }
    }
};

inline fn evenAndOdd(comptime lanes: u32, pairs: @Vector(lanes, i16)) [2]@Vector(lanes, i16) {
    const byte: @Vector(lanes, u4) = @splat(8);
    return .{ pairs << byte >> byte, pairs >> byte };
}

fn gemmWidened(comptime bits: kernels.Bits, job: *const kernels.Int8) void {
    const panel_bytes = kernels.panelBytes(bits, job.columns);
    const blocks = job.columns / block;
    var widened: [widened_panels]Widened = undefined;
    var panel: usize = 0;
    while (panel < job.panels) : (panel += widened_panels) {
        const panels = @min(widened_panels, job.panels - panel);
        var first: usize = 0;
        while (first < blocks) : (first += widened_blocks) {
            const count = @min(widened_blocks, blocks - first);
            for (widened[0..panels], panel..) |*one, p| one.fill(bits, job.weights + p * panel_bytes, first, count);
            const part: Part = .{ .widened = widened[0..panels], .panel = panel, .first = first, .count = count };
            var row: usize = 0;
            while (row + word_rows <= job.rows) : (row += word_rows) addPart(word_rows, job, part, row);
            const rest = job.rows - row;
            inline for (1..word_rows) |rows| {
                if (rest == rows) addPart(rows, job, part, row);
            }
        }
    }
}

/// Blocks first..first + count of some panels.
const Part = struct { widened: []const Widened, panel: usize, first: usize, count: usize };

/// Words of a few rows' blocks: the even ones of all groups, then the odd ones.
fn RowWords(comptime rows: usize) type {
    return [widened_blocks][rows][2][groups]i32;
}

/// Adds the part's blocks to a few rows of the output, which the first part begins.
inline fn addPart(comptime rows: usize, job: *const kernels.Int8, part: Part, row: usize) void {
    var x: RowWords(rows) = undefined;
    inline for (0..rows) |r| {
        const from = job.x + (row + r) * job.x_stride + part.first * block;
        for (x[0..part.count], 0..) |*words, b| {
            const bytes: [block]i8 = from[b * block ..][0..block].*;
            words[r] = @bitCast(evenAndOdd(block / 2, @bitCast(bytes)));
        }
    }
    const stride = job.x_stride / block;
    const scales = job.scales + row * stride + part.first;
    for (part.widened, part.panel..) |*widened, panel| {
        const out = job.out + row * job.out_stride + panel * panel_rows;
        const valid = job.rows_valid - panel * panel_rows;
        var totals: [rows][parts]Floats = @splat(@splat(@splat(0)));
        if (job.add or part.first > 0) inline for (0..rows) |r| {
            totals[r] = @bitCast(loadLine(out + r * job.out_stride, valid));
        };
        addWords(rows, x[0..part.count], widened, scales, stride, &totals);
        inline for (0..rows) |r| {
            storeLine(@bitCast(totals[r]), out + r * job.out_stride, valid);
        }
    }
}

/// Scales of a row's blocks follow each other, those of the next row are `stride` further on.
inline fn addWords(
    comptime rows: usize,
    x: []const [rows][2][groups]i32,
    widened: *const Widened,
    scales: [*]const f32,
    stride: usize,
    totals: *[rows][parts]Floats,
) void {
    @setEvalBranchQuota(20_000);
    for (x, widened.words[0..x.len], widened.scales[0..x.len], 0..) |*words, *weights, weight_scales, b| {
        var sums: [rows][parts]Sum = @splat(@splat(@splat(0)));
        inline for (0..groups) |g| inline for (0..2) |half| {
            inline for (0..rows) |r| {
                const pair: Sum = @splat(words[r][half][g]);
                inline for (0..parts) |p| {
                    const product = @"llvm.x86.sse2.pmadd.wd"(@bitCast(pair), weights[g][p][half]);
                    sums[r][p] = inRegister(sums[r][p] + product);
                }
            }
        };
        inline for (0..rows) |r| {
            const scale: Floats = @splat(scales[r * stride + b]);
            inline for (0..parts) |p| {
                const sum: Floats = @floatFromInt(sums[r][p]);
                totals[r][p] = vec.mulAdd(sum_lanes, sum, weight_scales[p] * scale, totals[r][p]);
            }
        }
    }
}

/// The same value, computed here and now. Left alone, the compiler first does all that one row needs,
/// and the other rows' operands wait on the stack: twice as slow.
pub inline fn inRegister(value: Sum) Sum {
    return asm volatile (""
        : [_] "=x" (-> Sum),
        : [_] "0" (value),
    );
}

/// How far ahead the first rows ask for weights: past the end of a page, where the hardware stops.
const prefetch_bytes = 4096;

/// Rows of activations at a time: sums, products of scales and weights fill the registers.
const tile_rows = if (has_avx512) 8 else if (has_avx2 or has_dotprod) 4 else 2;

inline fn tile(
    comptime bits: kernels.Bits,
    comptime rows: usize,
    job: *const kernels.Int8,
    panel: [*]const u8,
    panel_index: usize,
    valid: usize,
    row: usize,
) void {
    @setEvalBranchQuota(30_000);
    const blocks = job.columns / block;
    var totals: [rows][parts]Floats = @splat(@splat(@splat(0)));
    const pair_bytes = comptime pairBytes(bits);
    const all: Activations = .{
        .x = job.x + row * activation_bytes * job.x_stride,
        .scales = job.scales + row * (job.x_stride / block),
        .starts = job.starts + row * (job.x_stride / block),
        .blocks = job.x_stride / block,
    };
    if (job.add) inline for (0..rows) |r| {
        totals[r] = @bitCast(loadLine(outOf(job, row + r, panel_index), valid));
    };
    for (0..blocks / 2) |pair| {
        const from = panel + pair * pair_bytes;
        // To the second level: the first is too small for what is under way, and the loads are soon there.
        if (row == 0) inline for (0..pair_bytes / 64) |line| {
            @prefetch(from + line * 64 + prefetch_bytes, .{ .locality = 2 });
        };
        inline for (0..2) |half| addBlock(bits, rows, all, 2 * pair + half, from, half, &totals);
    }
    if (blocks % 2 == 1) addBlock(bits, rows, all, blocks - 1, panel + blocks / 2 * pair_bytes, 0, &totals);
    inline for (0..rows) |r| storeLine(@bitCast(totals[r]), outOf(job, row + r, panel_index), valid);
}

inline fn outOf(job: *const kernels.Int8, row: usize, panel: usize) [*]f32 {
    return job.out + row * job.out_stride + panel * panel_rows;
}

/// Some rows' activations, from a job that the compiler would read again in every block.
const Activations = struct {
    x: [*]const i8,
    scales: [*]const f32,
    starts: [*]const i32,
    /// From row to row.
    blocks: usize,
};

inline fn loadLine(from: [*]const f32, valid: usize) [panel_rows]f32 {
    if (valid >= panel_rows) return from[0..panel_rows].*;
    var line: [panel_rows]f32 = @splat(0);
    @memcpy(line[0..valid], from);
    return line;
}

/// One row's outputs of a panel, of which the first `valid` are real.
inline fn storeLine(line: [panel_rows]f32, to: [*]f32, valid: usize) void {
    if (valid >= panel_rows) to[0..panel_rows].* = line else @memcpy(to[0..valid], line[0..valid]);
}

/// Adds block b, which is the first or second `half` of the pair that starts at `pair`.
inline fn addBlock(
    comptime bits: kernels.Bits,
    comptime rows: usize,
    all: Activations,
    b: usize,
    pair: [*]const u8,
    comptime half: usize,
    totals: *[rows][parts]Floats,
) void {
    const lines = pair + comptime linesAt(bits, half);
    const weight_scales: [*]const f16 = @ptrCast(@alignCast(pair + comptime scalesAt(bits, half)));
    var sums: [rows][parts]Sum = undefined;
    inline for (0..rows) |r| {
        const start: Sum = @splat(all.starts[r * all.blocks + b]);
        sums[r] = @splat(start);
    }
    const x = all.x + activation_bytes * b * block;
    const stride = activation_bytes * block * all.blocks;
    inline for (0..groups) |g| {
        if (splits_signs) {
            addSplit(rows, lineOf(bits, lines, g), x + 8 * g, stride, &sums);
        } else inline for (0..parts) |p| {
            const w = weightsOf(bits, lines, g, p);
            inline for (0..rows) |r| {
                sums[r][p] = dot4(sums[r][p], w, four(x + r * stride + 4 * g));
            }
        }
    }
    inline for (0..parts) |p| {
        const scale = scaleOf(weight_scales, p);
        inline for (0..rows) |r| {
            const x_scale: Floats = @splat(all.scales[r * all.blocks + b]);
            const sum: Floats = @floatFromInt(sums[r][p]);
            totals[r][p] = vec.mulAdd(sum_lanes, sum, scale * x_scale, totals[r][p]);
        }
    }
}

/// Adds a line of weights times four sizes and four signs of each row.
inline fn addSplit(
    comptime rows: usize,
    weights: [parts]Bytes,
    x: [*]const i8,
    stride: usize,
    sums: *[rows][parts]Sum,
) void {
    inline for (0..rows) |r| {
        const sizes: Sum = @splat(four(x + r * stride));
        const signs: Sum = @splat(four(x + r * stride + 4));
        inline for (0..parts) |p| {
            const turned = @as(Sum, @bitCast(weights[p])) ^ signs;
            sums[r][p] = inRegister(sums[r][p] + fourProducts(@bitCast(sizes), @bitCast(turned)));
        }
    }
}

/// sum[i] = a[4i..4i+4] . b[4i..4i+4], where no two products together leave i16.
inline fn fourProducts(a: @Vector(4 * sum_lanes, u8), b: Bytes) Sum {
    return sumsOfPairs(sumsOfTwo(a, b));
}

pub const Pairs = @Vector(2 * sum_lanes, i16);

/// sum[i] = a[2i..2i+2] . b[2i..2i+2]
pub inline fn sumsOfTwo(a: @Vector(4 * sum_lanes, u8), b: Bytes) Pairs {
    if (has_avx512) return @"llvm.x86.avx512.pmaddubs.w.512"(a, b);
    return @"llvm.x86.avx2.pmadd.ub.sw"(a, b);
}

pub inline fn sumsOfPairs(a: Pairs) Sum {
    const ones: Pairs = @splat(1);
    if (has_avx512) return @"llvm.x86.avx512.pmaddw.d.512"(a, ones);
    return @"llvm.x86.avx2.pmadd.wd"(a, ones);
}

pub inline fn four(bytes: [*]const i8) i32 {
    return @bitCast(bytes[0..4].*);
}

pub inline fn scaleOf(scales: [*]const f16, comptime part: usize) Floats {
    const narrow: @Vector(sum_lanes, f16) = scales[part * sum_lanes ..][0..sum_lanes].*;
    return narrow;
}

const Numbers = @Vector(sum_lanes * 4, u8);

/// Four bytes of each row of part p: group g of a block.
inline fn weightsOf(comptime bits: kernels.Bits, lines: [*]const u8, comptime g: usize, comptime p: usize) Bytes {
    const line = if (bits == .eight) g else g / 2;
    const stored: Numbers = lines[line * line_bytes + p * 4 * sum_lanes ..][0 .. 4 * sum_lanes].*;
    if (bits == .eight) return @bitCast(stored);
    return lookUp(if (g % 2 == 0) stored & @as(Numbers, @splat(15)) else stored >> @splat(4));
}

/// Four bytes of each of the panel's rows: group g of a block.
pub inline fn lineOf(comptime bits: kernels.Bits, lines: [*]const u8, comptime g: usize) [parts]Bytes {
    var bytes: [parts]Bytes = undefined;
    inline for (&bytes, 0..) |*part, p| part.* = weightsOf(bits, lines, g, p);
    return bytes;
}

pub inline fn groupOf(comptime bits: kernels.Bits, lines: [*]const u8, comptime g: usize) @Vector(line_bytes, u8) {
    return @bitCast(lineOf(bits, lines, g));
}

/// The levels with these numbers, `bias` added.
inline fn lookUp(numbers: Numbers) Bytes {
    const table: Bytes = comptime biased: {
        var bytes: [sum_lanes * 4]i8 = undefined;
        for (&bytes, 0..) |*byte, i| byte.* = @truncate(@as(i32, levels[i % 16]) + bias);
        break :biased bytes;
    };
    if (has_avx512) return @"llvm.x86.avx512.pshuf.b.512"(table, @bitCast(numbers));
    if (has_avx2) return @"llvm.x86.avx2.pshuf.b"(table, @bitCast(numbers));
    if (builtin.cpu.arch == .aarch64) return @"llvm.aarch64.neon.tbl1.v16i8"(table, @bitCast(numbers));
    const from: [sum_lanes * 4]u8 = numbers;
    var bytes: [sum_lanes * 4]i8 = undefined;
    for (&bytes, from) |*byte, number| byte.* = levels[number];
    return bytes;
}

extern fn @"llvm.x86.avx512.pshuf.b.512"(@Vector(64, i8), @Vector(64, i8)) @Vector(64, i8);
extern fn @"llvm.x86.avx2.pshuf.b"(@Vector(32, i8), @Vector(32, i8)) @Vector(32, i8);
extern fn @"llvm.aarch64.neon.tbl1.v16i8"(@Vector(16, i8), @Vector(16, i8)) @Vector(16, i8);
extern fn @"llvm.x86.avx512.vpdpbusd.512"(@Vector(16, i32), @Vector(16, i32), @Vector(16, i32)) @Vector(16, i32);
extern fn @"llvm.x86.avx512.vpdpbusd.256"(@Vector(8, i32), @Vector(8, i32), @Vector(8, i32)) @Vector(8, i32);
extern fn @"llvm.x86.avx2.pmadd.ub.sw"(@Vector(32, u8), @Vector(32, i8)) @Vector(16, i16);
extern fn @"llvm.x86.avx2.pmadd.wd"(@Vector(16, i16), @Vector(16, i16)) @Vector(8, i32);
extern fn @"llvm.x86.avx512.pmaddubs.w.512"(@Vector(64, u8), @Vector(64, i8)) @Vector(32, i16);
extern fn @"llvm.x86.avx512.pmaddw.d.512"(@Vector(32, i16), @Vector(32, i16)) @Vector(16, i32);
extern fn @"llvm.x86.sse2.pmadd.wd"(@Vector(8, i16), @Vector(8, i16)) @Vector(4, i32);
extern fn @"llvm.aarch64.neon.addp.v8i16"(@Vector(8, i16), @Vector(8, i16)) @Vector(8, i16);
extern fn @"llvm.aarch64.neon.saddlp.v4i32.v8i16"(@Vector(8, i16)) @Vector(4, i32);
extern fn @"llvm.aarch64.neon.sdot.v4i32.v16i8"(@Vector(4, i32), @Vector(16, i8), @Vector(16, i8)) @Vector(4, i32);

/// sum[r] += w[4r..4r+4] . four, where w holds four bytes of each row.
pub inline fn dot4(sum: Sum, w: Bytes, x4: i32) Sum {
    const all: Sum = @splat(x4);
    if (has_avx512vnni) return @"llvm.x86.avx512.vpdpbusd.512"(sum, @bitCast(w), all);
    if (has_avxvnni) return @"llvm.x86.avx512.vpdpbusd.256"(sum, @bitCast(w), all);
    const x: Bytes = @bitCast(all);
    if (has_dotprod) return @"llvm.aarch64.neon.sdot.v4i32.v16i8"(sum, w, x);
    if (builtin.cpu.arch == .aarch64) {
        // Neither is -128, so two products fit i16.
        const low = halfOf(w, 0) * halfOf(x, 0);
        const high = halfOf(w, 1) * halfOf(x, 1);
        return sum + sumsOfFours(.{ low, high });
    }
    const words_w = evenAndOdd(8, @bitCast(w));
    const words_x = evenAndOdd(8, @bitCast(x));
    const even = @"llvm.x86.sse2.pmadd.wd"(words_w[0], words_x[0]);
    return sum + even + @"llvm.x86.sse2.pmadd.wd"(words_w[1], words_x[1]);
}

/// sum[i] += x . weights[4i..4i+4], where four activations stand in every lane: bytes without sign, by NEON with one.
pub inline fn dotUnsigned(sum: Sum, x4: i32, weights: Bytes) Sum {
    const all: Sum = @splat(x4);
    if (has_avx512vnni) return @"llvm.x86.avx512.vpdpbusd.512"(sum, all, @bitCast(weights));
    if (has_avxvnni) return @"llvm.x86.avx512.vpdpbusd.256"(sum, all, @bitCast(weights));
    return @"llvm.aarch64.neon.sdot.v4i32.v16i8"(sum, weights, @bitCast(all));
}

/// sum[i] = a[2i..2i+2] . b[2i..2i+2], of words.
pub inline fn productsOfWords(a: @Vector(8, i16), b: @Vector(8, i16)) Sum {
    return @"llvm.x86.sse2.pmadd.wd"(a, b);
}

/// Sums of four words each, where two fit one.
pub inline fn sumsOfFours(halves: [2]@Vector(8, i16)) Sum {
    return @"llvm.aarch64.neon.saddlp.v4i32.v8i16"(@"llvm.aarch64.neon.addp.v8i16"(halves[0], halves[1]));
}

/// Eight bytes as words.
pub inline fn halfOf(bytes: @Vector(16, i8), comptime half: i32) @Vector(8, i16) {
    const first = 8 * half;
    const from = [8]i32{ first, first + 1, first + 2, first + 3, first + 4, first + 5, first + 6, first + 7 };
    return @shuffle(i8, bytes, undefined, from);
}
