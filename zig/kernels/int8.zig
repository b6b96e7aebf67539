//! Products with weights at 8 bits: sixteen rows at a time, blocks of 32 along the depth, each with
//! a scale of its own; activations rounded to 8 bits per row and block on the fly.
//!
//!     panel of 16 rows, for every block of 32 columns:
//!         8 groups of 4 columns  x  16 rows  x  4 bytes        one 64-byte line is 16 rows x 4 columns
//!     then the panel's scales: f16[blocks][16], times 2^12 so that small ones stay normal numbers
//!
//! The same panel serves one row of activations and many: a line of weights meets four activations
//! broadcast to all rows, and no sum ever crosses lanes. An output's sum is built block after block,
//! in i32 within a block and in f32 across blocks, whatever the number of rows beside it.
//!
//! With VNNI, weights are stored as unsigned bytes, 128 too large: the instruction multiplies u8 by
//! i8. What that adds to a block's sum is 128 times the sum of its activations, so the sum starts at
//! minus that. A block of zeros has scale 0 and gives 0.

const std = @import("std");
const builtin = @import("builtin");
const kernels = @import("kernels.zig");
const vec = @import("vec.zig");
const assert = std.debug.assert;

pub const block = kernels.int8_block;
pub const panel_rows = kernels.int8_panel_rows;
const groups = block / 4;
/// Scales are stored this much larger: f16 has few numbers below 2^-14.
const scale_shift = 4096.0;

pub const has_vnni = builtin.cpu.arch == .x86_64 and
    std.Target.x86.featureSetHas(builtin.cpu.features, .avx512vnni);
const has_avx2 = builtin.cpu.arch == .x86_64 and
    std.Target.x86.featureSetHas(builtin.cpu.features, .avx2);
const has_dotprod = builtin.cpu.arch == .aarch64 and
    std.Target.aarch64.featureSetHas(builtin.cpu.features, .dotprod);

/// Added to the stored bytes.
pub const bias: i32 = if (has_vnni) 128 else 0;

/// Sums of one line (or half, quarter of it) at a time: i32 per row.
const sum_lanes: u32 = if (has_vnni) 16 else if (has_avx2) 8 else 4;
const parts = panel_rows / sum_lanes;
const Sum = @Vector(sum_lanes, i32);
const Bytes = @Vector(sum_lanes * 4, i8);
const Floats = @Vector(sum_lanes, f32);

/// Packs up to 16 rows of weights; missing rows become zero.
pub fn pack(
    dtype: kernels.Dtype,
    weights: [*]const u8,
    rows: usize,
    columns: usize,
    out: [*]u8,
) callconv(.c) void {
    switch (dtype) {
        inline else => |d| {
            const row_bytes = columns * comptime d.size();
            const scales: [*]f16 = @ptrCast(@alignCast(out + columns * panel_rows));
            for (0..columns / block) |b| {
                for (0..panel_rows) |row| {
                    var values: Block = @splat(0);
                    if (row < rows) values = vec.widen(block, d, weights + row * row_bytes, b * block);
                    const line = out + b * block * panel_rows + row * 4;
                    scales[b * panel_rows + row] = packRow(values, line);
                }
            }
        },
    }
}

const Block = @Vector(block, f32);

/// One row of one block: four bytes to each of its eight lines. Returns the stored scale.
inline fn packRow(values: Block, line: [*]u8) f16 {
    const greatest = @reduce(.Max, @abs(values));
    // Rounded first and then divided by, so that the rounding of the scale costs nothing.
    const wanted = @min(greatest / 127.0 * scale_shift, std.math.floatMax(f16));
    const stored: f16 = @floatCast(wanted);
    const scale = @as(f32, stored) / scale_shift;
    const inverse: f32 = if (scale > 0) 1 / scale else 0;
    const limit: Block = @splat(127);
    const narrow = roundBytes(@max(@min(values * @as(Block, @splat(inverse)), limit), -limit));
    const unsigned: @Vector(block, u8) = @bitCast(narrow);
    const fours: [groups]u32 = @bitCast(unsigned +% @as(@Vector(block, u8), @splat(bias)));
    for (fours, 0..) |four, g| {
        const to: *align(4) u32 = @ptrCast(@alignCast(line + g * 4 * panel_rows));
        to.* = four;
    }
    return stored;
}

/// To the nearest integers, all within a byte.
inline fn roundBytes(values: Block) @Vector(block, i8) {
    const magic: Block = @splat(12582912.0); // 1.5 * 2^23: adding it leaves the integer in the low bits
    const shifted: @Vector(block, i32) = @bitCast(values + magic);
    return @truncate(shifted -% @as(@Vector(block, i32), @bitCast(magic)));
}

/// One row of activations: bytes[columns], per block its scale (of the products: divided by the
/// shift of the weights' scales) and what its sums start at.
pub fn quantize(
    x: [*]const f32,
    columns: usize,
    bytes: [*]i8,
    scales: [*]f32,
    starts: [*]i32,
) callconv(.c) void {
    for (0..columns / block) |b| {
        const values: Block = x[b * block ..][0..block].*;
        const greatest = @reduce(.Max, @abs(values));
        // NaN and infinity: the block becomes what NaN would make of it, one way or another.
        const usable = greatest < std.math.inf(f32);
        const inverse: f32 = if (usable and greatest > 0) 127 / greatest else 0;
        var narrow: @Vector(block, i8) = @splat(0);
        if (usable) narrow = roundBytes(values * @as(Block, @splat(inverse)));
        bytes[b * block ..][0..block].* = narrow;
        scales[b] = (if (usable) greatest / 127.0 else std.math.nan(f32)) / scale_shift;
        starts[b] = if (bias == 0) 0 else -bias * @reduce(.Add, @as(@Vector(block, i32), narrow));
    }
}

/// out[row][panel * 16 + r] for all rows of activations and the job's panels.
pub fn gemm(job: *const kernels.Int8) callconv(.c) void {
    const panel_bytes = kernels.int8PanelBytes(job.columns);
    for (0..job.panels) |panel| {
        const from = job.weights + panel * panel_bytes;
        const valid = @min(panel_rows, job.rows_valid - panel * panel_rows);
        var row: usize = 0;
        while (row + tile_rows <= job.rows) : (row += tile_rows) tile(tile_rows, job, from, panel, valid, row);
        inline for (.{ 4, 2, 1 }) |rows| {
            if (rows < tile_rows and row + rows <= job.rows) {
                tile(rows, job, from, panel, valid, row);
                row += rows;
            }
        }
    }
}

const prefetch_bytes = 4096;

/// Rows of activations at a time: sums, products of scales and weights fill the registers.
const tile_rows = if (has_vnni) 8 else if (has_avx2) 2 else 4;

inline fn tile(
    comptime rows: usize,
    job: *const kernels.Int8,
    panel: [*]const u8,
    panel_index: usize,
    valid: usize,
    row: usize,
) void {
    @setEvalBranchQuota(20_000);
    const blocks = job.columns / block;
    const weight_scales: [*]const f16 = @ptrCast(@alignCast(panel + job.columns * panel_rows));
    var totals: [rows][parts]Floats = @splat(@splat(@splat(0)));
    for (0..blocks) |b| {
        const lines = panel + b * block * panel_rows;
        // The first rows read from memory: ask early, the hardware stops at the end of each page.
        if (row == 0) inline for (0..block * panel_rows / 64) |line| {
            @prefetch(lines + line * 64 + prefetch_bytes, .{});
        };
        var sums: [rows][parts]Sum = undefined;
        inline for (0..rows) |r| {
            const start: Sum = @splat(job.starts[(row + r) * blocks + b]);
            sums[r] = @splat(start);
        }
        const x = job.x + row * job.columns + b * block;
        inline for (0..groups) |g| {
            inline for (0..parts) |p| {
                const at = g * 4 * panel_rows + p * 4 * sum_lanes;
                const w: Bytes = @bitCast(lines[at..][0 .. 4 * sum_lanes].*);
                inline for (0..rows) |r| {
                    const four: i32 = @bitCast(x[r * job.columns + g * 4 ..][0..4].*);
                    sums[r][p] = dot4(sums[r][p], w, four);
                }
            }
        }
        inline for (0..parts) |p| {
            const half: @Vector(sum_lanes, f16) = weight_scales[b * panel_rows + p * sum_lanes ..][0..sum_lanes].*;
            const scale: Floats = half;
            inline for (0..rows) |r| {
                const x_scale: Floats = @splat(job.scales[(row + r) * blocks + b]);
                const sum: Floats = @floatFromInt(sums[r][p]);
                totals[r][p] = vec.mulAdd(sum_lanes, sum, scale * x_scale, totals[r][p]);
            }
        }
    }
    inline for (0..rows) |r| {
        const out = job.out + (row + r) * job.out_stride + panel_index * panel_rows;
        const line: [panel_rows]f32 = @bitCast(totals[r]);
        if (valid == panel_rows) out[0..panel_rows].* = line else @memcpy(out[0..valid], line[0..valid]);
    }
}

extern fn @"llvm.x86.avx512.vpdpbusd.512"(@Vector(16, i32), @Vector(16, i32), @Vector(16, i32)) @Vector(16, i32);
extern fn @"llvm.x86.avx2.pmadd.ub.sw"(@Vector(32, u8), @Vector(32, i8)) @Vector(16, i16);
extern fn @"llvm.x86.avx2.psign.b"(@Vector(32, i8), @Vector(32, i8)) @Vector(32, i8);
extern fn @"llvm.x86.avx2.pmadd.wd"(@Vector(16, i16), @Vector(16, i16)) @Vector(8, i32);
extern fn @"llvm.aarch64.neon.sdot.v4i32.v16i8"(@Vector(4, i32), @Vector(16, i8), @Vector(16, i8)) @Vector(4, i32);

/// sum[r] += w[4r..4r+4] . four, where w holds four bytes of each row.
inline fn dot4(sum: Sum, w: Bytes, four: i32) Sum {
    const all: Sum = @splat(four);
    if (has_vnni) return @"llvm.x86.avx512.vpdpbusd.512"(sum, @bitCast(w), all);
    const x: Bytes = @bitCast(all);
    if (has_avx2) {
        // |x| is at most 127, so two products fit i16; the sign of x goes to w, which is never -128.
        const magnitude: @Vector(32, u8) = @abs(x);
        const pairs = @"llvm.x86.avx2.pmadd.ub.sw"(magnitude, @"llvm.x86.avx2.psign.b"(w, x));
        return sum + @"llvm.x86.avx2.pmadd.wd"(pairs, @splat(1));
    }
    if (has_dotprod) return @"llvm.aarch64.neon.sdot.v4i32.v16i8"(sum, w, x);
    const bytes_w: [sum_lanes * 4]i8 = w;
    const bytes_x: [sum_lanes * 4]i8 = x;
    var result: [sum_lanes]i32 = sum;
    for (&result, 0..) |*total, i| {
        for (0..4) |j| total.* += @as(i32, bytes_w[4 * i + j]) * bytes_x[j];
    }
    return result;
}
