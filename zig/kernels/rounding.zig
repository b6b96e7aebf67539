//! Activations rounded to 8 bits, for products with packed weights (quantized.zig): blocks of 32 along the depth, each
//! with the scale that makes its greatest value 127, and with what its sums start at.
//!
//! Four blocks at a time: what goes across a block, its greatest value and its sum, takes as long as all the rest, and
//! four blocks in one vector take hardly longer than one.

const std = @import("std");
const kernels = @import("kernels.zig");
const quantized = @import("quantized.zig");
const Block = quantized.Block;
const RoundedBlock = quantized.RoundedBlock;
const activation_bytes = quantized.activation_bytes;
const bias = quantized.bias;
const block = quantized.block;
const groups = quantized.groups;
const roundBytes = quantized.roundBytes;
const scale_shift = quantized.scale_shift;
const splits_signs = quantized.splits_signs;

/// One row of activations: bytes[columns * activation_bytes], per block its scale (of the products:
/// divided by the shift of the weights' scales) and what its sums start at.
pub fn quantize(
    x: [*]const f32,
    columns: usize,
    bytes: [*]i8,
    scales: [*]f32,
    starts: [*]i32,
) callconv(.c) void {
    const blocks = columns / block;
    var b: usize = 0;
    while (b + together <= blocks) : (b += together) {
        var values: [together]Block = undefined;
        inline for (&values, 0..) |*one, i| one.* = x[(b + i) * block ..][0..block].*;
        quantizeBlocks(values, b, bytes, scales, starts);
    }
    while (b < blocks) : (b += 1) quantizeBlock(x[b * block ..][0..block].*, b, bytes, scales, starts);
}

/// Blocks that are rounded together: their greatest values, and their sums, are found by the same instructions.
const together = 4;
const Together = @Vector(together, f32);

/// What `quantizeBlock` does, of blocks b, b + 1 and so on.
inline fn quantizeBlocks(values: [together]Block, b: usize, bytes: [*]i8, scales: [*]f32, starts: [*]i32) void {
    var sizes: [together]@Vector(block, i32) = undefined;
    inline for (&sizes, values) |*size, one| size.* = sizesOf(one);
    const greatest: Together = @bitCast(acrossBlocks(sizes, .max));
    const infinite: Together = @splat(std.math.inf(f32));
    if (!@reduce(.And, greatest < infinite)) { // Rare: infinity, or NaN.
        inline for (values, 0..) |one, i| quantizeBlock(one, b + i, bytes, scales, starts);
        return;
    }
    const most: Together = @splat(127);
    const zero: Together = @splat(0);
    const inverses = @select(f32, greatest > zero, most / greatest, zero);
    scales[b..][0..together].* = greatest / most / @as(Together, @splat(scale_shift));
    var sums: [together]@Vector(block, i32) = undefined;
    inline for (values, &sums, 0..) |one, *sum, i| {
        const narrow = roundBytes(one * @as(Block, @splat(inverses[i])));
        const to = bytes + (b + i) * block * activation_bytes;
        if (splits_signs) {
            sum.* = splitSigns(narrow, to[0 .. 2 * block]);
        } else {
            to[0..block].* = narrow;
            sum.* = narrow;
        }
    }
    if (!splits_signs and bias == 0) {
        starts[b..][0..together].* = @splat(0);
    } else {
        const all = acrossBlocks(sums, .add);
        starts[b..][0..together].* = if (splits_signs) all else all *% @as(@Vector(together, i32), @splat(-bias));
    }
}

/// Floats without their signs, which are in the order of their bits; infinity and NaN come last.
inline fn sizesOf(values: Block) @Vector(block, i32) {
    return @as(@Vector(block, i32), @bitCast(values)) & @as(@Vector(block, i32), @splat(0x7fff_ffff));
}

/// The greatest value of each block, or its sum: halves of two blocks are put side by side, so that one instruction
/// serves both.
inline fn acrossBlocks(blocks: [together]@Vector(block, i32), comptime how: enum { max, add }) @Vector(together, i32) {
    const Wide = @Vector(16, i32);
    const both = struct {
        inline fn of(a: anytype, c: @TypeOf(a)) @TypeOf(a) {
            return if (how == .max) @max(a, c) else a +% c;
        }
    };
    var halves: [4]Wide = undefined;
    inline for (&halves, blocks) |*half, one| {
        const lanes: [2]Wide = @bitCast(one);
        half.* = both.of(lanes[0], lanes[1]);
    }
    var pairs: [2]Wide = undefined;
    inline for (&pairs, 0..) |*pair, i| {
        const a, const c = .{ halves[2 * i], halves[2 * i + 1] };
        const first = @shuffle(i32, a, c, quarters(.{ 0, 1, 4, 5 }));
        pair.* = both.of(first, @shuffle(i32, a, c, quarters(.{ 2, 3, 6, 7 })));
    }
    const first = @shuffle(i32, pairs[0], pairs[1], quarters(.{ 0, 2, 4, 6 }));
    var all = both.of(first, @shuffle(i32, pairs[0], pairs[1], quarters(.{ 1, 3, 5, 7 })));
    // A quarter is a block now.
    all = both.of(all, @shuffle(i32, all, undefined, [16]i32{ 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13 }));
    all = both.of(all, @shuffle(i32, all, undefined, [16]i32{ 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14 }));
    return @shuffle(i32, all, undefined, [4]i32{ 0, 4, 8, 12 });
}

/// Four elements each of the first vector's quarters, 0 to 3, or the second's, 4 to 7.
fn quarters(from: [4]i32) [16]i32 {
    var order: [16]i32 = undefined;
    for (&order, 0..) |*to, i| {
        const quarter = from[i / 4];
        const at = @rem(quarter, 4) * 4 + @as(i32, @intCast(i % 4));
        to.* = if (quarter < 4) at else ~at;
    }
    return order;
}

inline fn quantizeBlock(values: Block, b: usize, bytes: [*]i8, scales: [*]f32, starts: [*]i32) void {
    const greatest: f32 = @bitCast(@reduce(.Max, sizesOf(values)));
    // NaN and infinity: the block becomes what NaN would make of it, one way or another.
    const usable = greatest < std.math.inf(f32);
    const inverse: f32 = if (usable and greatest > 0) 127 / greatest else 0;
    var narrow: RoundedBlock = @splat(0);
    if (usable) narrow = roundBytes(values * @as(Block, @splat(inverse)));
    scales[b] = (if (usable) greatest / 127.0 else std.math.nan(f32)) / scale_shift;
    const to = bytes + b * block * activation_bytes;
    if (splits_signs) {
        starts[b] = @reduce(.Add, splitSigns(narrow, to[0 .. 2 * block]));
    } else {
        to[0..block].* = narrow;
        starts[b] = if (bias == 0) 0 else -bias * @reduce(.Add, @as(@Vector(block, i32), narrow));
    }
}

/// Sizes and signs of a block. Returns the negative ones' sizes, or 0.
inline fn splitSigns(rounded: RoundedBlock, to: *[2 * block]i8) @Vector(block, i32) {
    const signs = rounded >> @splat(7);
    const sizes = (rounded ^ signs) -% signs;
    const Fours = @Vector(groups, u32);
    to.* = @bitCast(std.simd.interlace(.{ @as(Fours, @bitCast(sizes)), @as(Fours, @bitCast(signs)) }));
    return sizes & signs;
}
