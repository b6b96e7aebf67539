//! Vectors of f32 at a comptime width: loads, the multiply-add, exp. Besides this file, only
//! quantized.zig looks at the target it is compiled for: its products have instructions of their own.

const std = @import("std");
const builtin = @import("builtin");
const kernels = @import("kernels.zig");

pub fn Vec(comptime lanes: u32) type {
    return @Vector(lanes, f32);
}

/// Without FMA hardware `@mulAdd` would call fmaf per element: there, multiply and add.
pub const has_fma = switch (builtin.cpu.arch) {
    .x86_64 => std.Target.x86.featureSetHas(builtin.cpu.features, .fma),
    .aarch64 => true,
    else => false,
};

/// a * b + c.
pub inline fn mulAdd(comptime lanes: u32, a: Vec(lanes), b: Vec(lanes), c: Vec(lanes)) Vec(lanes) {
    return if (has_fma) @mulAdd(Vec(lanes), a, b, c) else a * b + c;
}

pub inline fn load(comptime lanes: u32, from: [*]const f32) Vec(lanes) {
    return from[0..lanes].*;
}

pub inline fn store(comptime lanes: u32, to: [*]f32, value: Vec(lanes)) void {
    to[0..lanes].* = value;
}

pub inline fn splat(comptime lanes: u32, value: f32) Vec(lanes) {
    return @splat(value);
}

/// `lanes` weights from element `index` on, as f32.
pub inline fn widen(
    comptime lanes: u32,
    comptime dtype: kernels.Dtype,
    from: [*]const u8,
    index: usize,
) Vec(lanes) {
    switch (dtype) {
        .bf16 => {
            const raw: [*]align(1) const u16 = @ptrCast(from);
            const bits: @Vector(lanes, u16) = raw[index..][0..lanes].*;
            const wide: @Vector(lanes, u32) = bits;
            return @bitCast(wide << @splat(16));
        },
        .f16 => {
            const raw: [*]align(1) const f16 = @ptrCast(from);
            const half: @Vector(lanes, f16) = raw[index..][0..lanes].*;
            return half;
        },
        .f32 => {
            const raw: [*]align(1) const f32 = @ptrCast(from);
            return raw[index..][0..lanes].*;
        },
    }
}

/// e^x for x <= 88, relative error below 2e-7; 0 for x below -87 (so exp(-inf) is 0).
/// x = n ln 2 + r, |r| <= ln 2 / 2; e^r by its Taylor series to r^7, 2^n by the exponent bits.
pub inline fn exp(comptime lanes: u32, x: Vec(lanes)) Vec(lanes) {
    const V = Vec(lanes);
    const I = @Vector(lanes, i32);
    const clamped = @max(@min(x, @as(V, @splat(88.0))), @as(V, @splat(-87.0)));
    // Adding 1.5 * 2^23 rounds to the nearest integer and leaves it in the low bits of the sum.
    const magic: V = @splat(12582912.0);
    const shifted = mulAdd(lanes, clamped, @splat(std.math.log2e), magic);
    const n = shifted - magic;
    // ln 2 in two parts, so that n * high is exact for |n| < 2^9.
    var r = mulAdd(lanes, n, @splat(-0.693359375), clamped);
    r = mulAdd(lanes, n, @splat(2.12194440e-4), r);
    var series: V = @splat(1.0 / 5040.0);
    inline for (.{ 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0 }) |coefficient| {
        series = mulAdd(lanes, series, r, @splat(coefficient));
    }
    const exponent = @as(I, @bitCast(shifted)) -% @as(I, @bitCast(magic));
    const power: V = @bitCast((exponent +% @as(I, @splat(127))) << @splat(23));
    return @select(f32, x < @as(V, @splat(-87.0)), @as(V, @splat(0)), series * power);
}
