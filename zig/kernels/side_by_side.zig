//! Products of several rows of activations with packed weights where one instruction multiplies and adds four bytes of
//! sixteen outputs (AVX-512 VNNI). Four rows meet four panels side by side, or eight rows two:
//!
//!                  panel 0 | panel 1 | panel 2 | panel 3       one load of weights feeds a column of sums,
//!     row 0        .       | .       | .       | .             one load of activations feeds a row of them
//!     row 1        .       | .       | .       | .
//!
//! With one panel every instruction has a load of its own, and loads take longer than the arithmetic: here eight of
//! them serve sixteen instructions.
//!
//! The integers are those of `quantized.zig`'s tiles, and so is the order of the blocks: a row has the same result
//! either way, to the bit.

const kernels = @import("kernels.zig");
const quantized = @import("quantized.zig");
const vec = @import("vec.zig");
const Bytes = quantized.Bytes;
const Floats = quantized.Floats;
const Sum = quantized.Sum;
const block = quantized.block;
const groups = quantized.groups;
const panel_rows = quantized.panel_rows;

/// Whether this instruction set's products go this way.
pub const is_used = quantized.has_vnni and quantized.sum_lanes == panel_rows;

/// Fewer rows wait for memory, which a single stream of weights asks for best, or for levels of 4 bits.
fn rowsMin(bits: kernels.Bits) usize {
    return if (bits == .four) 16 else 5;
}

/// As `quantized.gemm`, which multiplies what does not go this way.
pub fn gemm(job: *const kernels.Int8) callconv(.c) void {
    switch (job.bits) {
        inline else => |bits| multiply(bits, job),
    }
}

fn multiply(comptime bits: kernels.Bits, job: *const kernels.Int8) void {
    var rest = job.*;
    if (job.rows >= rowsMin(bits)) {
        while (rest.panels >= 4) pass(bits, 4, 4, &rest);
        while (rest.panels >= 2) pass(bits, 8, 2, &rest);
    }
    if (rest.panels > 0) quantized.gemm(&rest);
}

/// All rows of the job's first panels, which it has no longer.
fn pass(comptime bits: kernels.Bits, comptime rows: usize, comptime panels: usize, job: *kernels.Int8) void {
    var row: usize = 0;
    while (row + rows <= job.rows) : (row += rows) tile(bits, rows, panels, job, row);
    const left = job.rows - row;
    inline for (1..rows) |some| {
        if (left == some) tile(bits, some, panels, job, row);
    }
    job.weights += panels * kernels.panelBytes(bits, job.columns);
    job.out += panels * panel_rows;
    job.panels -= panels;
    job.rows_valid -= @min(job.rows_valid, panels * panel_rows);
}

/// How far ahead the first rows ask for weights: past the end of a page, where the hardware stops.
const prefetch_bytes = 4096;

fn tile(
    comptime bits: kernels.Bits,
    comptime rows: usize,
    comptime panels: usize,
    job: *const kernels.Int8,
    row: usize,
) void {
    @setEvalBranchQuota(30_000);
    const stride = job.x_stride / block;
    const x: Activations = .{
        .bytes = job.x + row * job.x_stride,
        .scales = job.scales + row * stride,
        .starts = job.starts + row * stride,
        .stride = stride,
    };
    const panel_bytes = kernels.panelBytes(bits, job.columns);
    const out = job.out + row * job.out_stride;
    var totals: [rows][panels]Floats = @splat(@splat(@splat(0)));
    if (job.add) inline for (0..rows) |r| inline for (0..panels) |p| {
        totals[r][p] = load(out + r * job.out_stride + p * panel_rows, validOf(job, p));
    };
    const pair_bytes = comptime quantized.pairBytes(bits);
    const blocks = job.columns / block;
    for (0..blocks / 2) |pair| {
        const from = job.weights + pair * pair_bytes;
        if (row == 0) inline for (0..panels) |p| inline for (0..pair_bytes / 64) |line| {
            @prefetch(from + p * panel_bytes + line * 64 + prefetch_bytes, .{ .locality = 2 });
        };
        inline for (0..2) |half| addBlock(bits, rows, panels, x, 2 * pair + half, from, panel_bytes, half, &totals);
    }
    if (blocks % 2 == 1) {
        addBlock(bits, rows, panels, x, blocks - 1, job.weights + blocks / 2 * pair_bytes, panel_bytes, 0, &totals);
    }
    inline for (0..rows) |r| inline for (0..panels) |p| {
        store(totals[r][p], out + r * job.out_stride + p * panel_rows, validOf(job, p));
    };
}

/// Outputs of a panel that are real.
fn validOf(job: *const kernels.Int8, panel: usize) usize {
    return @min(panel_rows, job.rows_valid - panel * panel_rows);
}

inline fn load(from: [*]const f32, valid: usize) Floats {
    return if (valid == panel_rows) from[0..panel_rows].* else loadSome(from, valid);
}

inline fn store(outputs: Floats, to: [*]f32, valid: usize) void {
    if (valid == panel_rows) to[0..panel_rows].* = outputs else storeSome(outputs, to, valid);
}

/// Apart, or the compiler takes all the vectors that are under way to pieces.
noinline fn loadSome(from: [*]const f32, valid: usize) Floats {
    var line: [panel_rows]f32 = @splat(0);
    @memcpy(line[0..valid], from);
    return line;
}

noinline fn storeSome(outputs: Floats, to: [*]f32, valid: usize) void {
    const line: [panel_rows]f32 = outputs;
    @memcpy(to[0..valid], line[0..valid]);
}

/// Some rows' activations; `stride` blocks from row to row.
const Activations = struct { bytes: [*]const i8, scales: [*]const f32, starts: [*]const i32, stride: usize };

/// Adds block b, which is the first or second `half` of the pairs that start at `pair` and every `panel_bytes` on.
inline fn addBlock(
    comptime bits: kernels.Bits,
    comptime rows: usize,
    comptime panels: usize,
    x: Activations,
    b: usize,
    pair: [*]const u8,
    panel_bytes: usize,
    comptime half: usize,
    totals: *[rows][panels]Floats,
) void {
    const lines = pair + comptime quantized.linesAt(bits, half);
    var sums: [rows][panels]Sum = undefined;
    inline for (&sums, 0..) |*own, r| own.* = @splat(@splat(x.starts[r * x.stride + b]));
    inline for (0..groups) |g| {
        var weights: [panels]Bytes = undefined;
        inline for (&weights, 0..) |*one, p| one.* = quantized.lineOf(bits, lines + p * panel_bytes, g)[0];
        inline for (&sums, 0..) |*own, r| {
            const four = quantized.four(x.bytes + (r * x.stride + b) * block + 4 * g);
            inline for (own, weights) |*sum, one| sum.* = quantized.dot4(sum.*, one, four);
        }
    }
    inline for (0..panels) |p| {
        const scales = pair + p * panel_bytes + comptime quantized.scalesAt(bits, half);
        const stored: [*]const f16 = @ptrCast(@alignCast(scales));
        const scale = quantized.scaleOf(stored, 0);
        inline for (0..rows) |r| {
            const x_scale: Floats = @splat(x.scales[r * x.stride + b]);
            totals[r][p] = vec.mulAdd(panel_rows, @floatFromInt(sums[r][p]), scale * x_scale, totals[r][p]);
        }
    }
}
