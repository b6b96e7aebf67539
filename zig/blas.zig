//! f32 matrix products of one thread: OpenBLAS, Accelerate, or (null here) our own kernels.

const std = @import("std");
const config = @import("config");
const assert = std.debug.assert;

pub const name = @tagName(config.blas);
pub const available = config.blas != .none;

const row_major: c_int = 101;
const no_transpose: c_int = 111;
const transpose: c_int = 112;

extern fn cblas_sgemm(
    order: c_int,
    transpose_a: c_int,
    transpose_b: c_int,
    m: c_int,
    n: c_int,
    k: c_int,
    alpha: f32,
    a: [*]const f32,
    lda: c_int,
    b: [*]const f32,
    ldb: c_int,
    beta: f32,
    c: [*]f32,
    ldc: c_int,
) callconv(.c) void;
extern fn openblas_set_num_threads(count: c_int) callconv(.c) void;

/// Holds the library to the calling thread: the pool is ours, a nested one would be many times
/// slower. Call once, before the first product.
pub fn init() void {
    if (config.blas == .openblas) openblas_set_num_threads(1);
}

/// c[m][n] = a[m][k] b[n][k]^T, rows at the given strides, on the calling thread.
pub fn sgemm(
    m: usize,
    n: usize,
    k: usize,
    a: [*]const f32,
    a_stride: usize,
    b: [*]const f32,
    b_stride: usize,
    c: [*]f32,
    c_stride: usize,
) void {
    comptime assert(available);
    assert(a_stride >= k and b_stride >= k and c_stride >= n);
    cblas_sgemm(
        row_major,
        no_transpose,
        transpose,
        @intCast(m),
        @intCast(n),
        @intCast(k),
        1,
        a,
        @intCast(a_stride),
        b,
        @intCast(b_stride),
        0,
        c,
        @intCast(c_stride),
    );
}
