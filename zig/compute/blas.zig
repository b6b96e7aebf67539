//! f32 matrix products of one thread: OpenBLAS, Accelerate, or (where `isUsed` is false) our own kernels.
//!
//! OpenBLAS brings kernels for twenty kinds of x86 processor, 26 MB that every start of the executable has
//! to place in memory. Four kinds serve all processors with AVX2; on others, our kernels do as well.

const std = @import("std");
const builtin = @import("builtin");
const config = @import("config");
const assert = std.debug.assert;

pub const available = config.blas != .none;

/// What computes f32 products, for whoever wants to know.
pub fn name() []const u8 {
    return if (isUsed()) @tagName(config.blas) else "none";
}

/// False where none is linked, and where what is linked has nothing for this processor.
pub fn isUsed() bool {
    if (!available) return false;
    if (config.blas == .accelerate) return foundAccelerate();
    if (!leaves_out) return true;
    const table = openblas_table orelse return true; // Built for one kind of processor.
    return table.* != @as(?*const anyopaque, @ptrCast(&left_out));
}

/// Whether it, or our own kernels on vectors of `lanes`, multiply matrices of weights. OpenBLAS wants them
/// in f32 first, and packs activations once for each tile of weights: on vectors of eight and more lanes
/// ours, which pack weights as they widen them and activations never, take 5 to 15 % less time (bench/LOG.md).
/// Accelerate has what no kernel can use.
pub fn isFaster(lanes: u32) bool {
    return isUsed() and (config.blas == .accelerate or lanes < 8);
}

/// Accelerate is part of macOS, and opened when it is first asked for: no SDK is needed to build for it.
fn foundAccelerate() bool {
    if (cblas_sgemm == null) {
        const framework = "/System/Library/Frameworks/Accelerate.framework/Accelerate";
        const library = std.c.dlopen(framework, .{ .LAZY = true }) orelse return false;
        cblas_sgemm = @ptrCast(@alignCast(std.c.dlsym(library, "cblas_sgemm") orelse return false));
    }
    return true;
}

const leaves_out = config.blas == .openblas and builtin.cpu.arch == .x86_64;

/// Where a build for many kinds of processor keeps its choice.
const openblas_table = if (leaves_out)
    @extern(?*const ?*const anyopaque, .{ .name = "gotoblas", .linkage = .weak })
else {};

/// Stands for the tables of kernels that are left out, so that the linker does not look for them in the
/// archive. One may be chosen when the library is loaded, and then something in it is called, once.
const left_out: [2048]*const fn () callconv(.c) void = @splat(&nothing);
fn nothing() callconv(.c) void {}

comptime {
    if (leaves_out) for (.{
        "ATOM",    "BARCELONA", "BOBCAT", "BULLDOZER",  "CORE2",        "DUNNINGTON", "EXCAVATOR",   "NANO",
        "NEHALEM", "OPTERON",   "PENRYN", "PILEDRIVER", "OPTERON_SSE3", "PRESCOTT",   "SANDYBRIDGE", "STEAMROLLER",
    }) |kind| @export(&left_out, .{ .name = "gotoblas_" ++ kind, .linkage = .weak, .visibility = .hidden });
}

/// Stands for OpenBLAS' reader of its environment variables: one thread, whatever they say. It starts its
/// threads when it is loaded; where the system refuses one, it prints lines of its own and raises SIGINT.
const settings = struct {
    fn read() callconv(.c) void {}
    fn one() callconv(.c) c_int {
        return 1;
    }
    fn default() callconv(.c) c_int {
        return 0;
    }
};

comptime {
    if (config.blas == .openblas) {
        @export(&settings.read, .{ .name = "openblas_read_env", .linkage = .weak, .visibility = .hidden });
        @export(&settings.one, .{ .name = "openblas_num_threads_env", .linkage = .weak, .visibility = .hidden });
        for (.{
            "goto_num_threads_env", "omp_num_threads_env", "omp_adaptive_env",
            "block_factor",         "thread_timeout",      "verbose",
        }) |setting| {
            @export(&settings.default, .{ .name = "openblas_" ++ setting, .linkage = .weak, .visibility = .hidden });
        }
    }
}

const row_major: c_int = 101;
const no_transpose: c_int = 111;
const transpose: c_int = 112;

const Sgemm = fn (
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

/// The call itself; of Accelerate null until `init` has found it.
var cblas_sgemm: ?*const Sgemm = if (config.blas == .openblas)
    @extern(*const Sgemm, .{ .name = "cblas_sgemm" })
else
    null;
extern fn openblas_set_num_threads(count: c_int) callconv(.c) void;

/// Holds the library to the calling thread: the pool is ours, a nested one would be many times
/// slower. Call before the first product.
pub fn init() void {
    if (config.blas == .openblas and isUsed()) openblas_set_num_threads(1);
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
    cblas_sgemm.?(
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

test "OpenBLAS has started no threads" {
    if (config.blas != .openblas) return error.SkipZigTest;
    const threads = @extern(*const c_int, .{ .name = "blas_num_threads" });
    try std.testing.expectEqual(1, threads.*);
}
