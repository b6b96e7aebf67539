//! Products of many rows of activations, kept as sizes and signs, with packed weights, in vectors of 32 bytes
//! (AVX2). One row at a time meets four vectors of weights, which are two panels, side by side:
//!
//!     for every part of the depth (16 blocks), for every two panels
//!         copy: per block, scales as f32[4][8], then 8 groups of 4 columns  x  4 vectors  x  8 rows  x  4 bytes
//!         for every row: sums i32[4][8] within a block, totals f32[4][8] across blocks
//!
//! Sums, totals and activations of one row fit the sixteen registers, so that totals are not loaded and stored in
//! every block, and weights come from memory within the instructions that turn their bits. Loads by themselves,
//! those of activations above all, hold up the arithmetic; so four vectors share them. The copy is made once for
//! all rows: it stays in the first-level cache with its scales widened and 4 bits looked up, and a part of the
//! rows stays in the second-level cache until all panels have met it.
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
const inRegister = quantized.inRegister;
const panel_rows = quantized.panel_rows;
const parts = quantized.parts;

const panels = 2;
const vectors = panels * parts;
/// Outputs of one row at a time.
const outputs = panels * panel_rows;
/// A block of a row, its sizes and signs.
const block_bytes = 2 * block;
/// Blocks whose copy, 18 KB of two panels, leaves room for rows in a first-level cache of 32 KB.
const blocks_max = 16;

/// Whether this instruction set's products of many rows go this way.
const is_used = quantized.splits_signs and quantized.sum_lanes == 8;

/// Weights that the second-level cache holds.
const near_bytes = 1 << 18;

/// A copy takes as long as a few rows, from memory as long as many. Tiles of 4 bits would look these up for every few
/// of them.
fn rowsMin(job: *const kernels.Int8) usize {
    if (job.bits == .four) return 16;
    return if (job.panels * kernels.panelBytes(.eight, job.columns) <= near_bytes) 24 else 80;
}

/// As `quantized.gemm`, which multiplies what does not go this way.
pub fn gemm(job: *const kernels.Int8) callconv(.c) void {
    if (!is_used or job.rows < rowsMin(job)) return quantized.gemm(job);
    switch (job.bits) {
        inline else => |bits| multiplyPairs(bits, job),
    }
    const done = job.panels / panels * panels;
    if (done == job.panels) return;
    var rest = job.*;
    rest.weights += done * kernels.panelBytes(job.bits, job.columns);
    rest.out += done * panel_rows;
    rest.panels -= done;
    rest.rows_valid -= done * panel_rows;
    quantized.gemm(&rest);
}

fn multiplyPairs(comptime bits: kernels.Bits, job: *const kernels.Int8) void {
    const pair_bytes = panels * kernels.panelBytes(bits, job.columns);
    const part_bytes = quantized.pairBytes(bits) * blocks_max / 2;
    const blocks = job.columns / block;
    const pairs = job.panels / panels;
    var copy: Copy = undefined;
    var first: usize = 0;
    while (first < blocks) : (first += blocks_max) {
        const count = @min(blocks_max, blocks - first);
        for (0..pairs) |pair| {
            const from = job.weights + pair * pair_bytes;
            // After the last pair come the next blocks of the first.
            const next = if (pair + 1 < pairs) from + pair_bytes else job.weights + part_bytes;
            copy.fill(bits, from, next, pair_bytes / panels, first, count);
            multiply(&copy, job, pair * outputs, first, count);
        }
    }
}

/// Of two panels.
const Block = struct { scales: [vectors]Floats, lines: [groups][vectors]Bytes };

/// Some blocks.
const Copy = struct {
    blocks: [blocks_max]Block align(64),

    /// Asks for what stands in the same place from `next` on, which comes while this is multiplied.
    fn fill(
        self: *Copy,
        comptime bits: kernels.Bits,
        from: [*]const u8,
        next: [*]const u8,
        panel_bytes: usize,
        first: usize,
        count: usize,
    ) void {
        @setEvalBranchQuota(20_000);
        for (self.blocks[0..count], first..) |*to, b| inline for (0..panels) |panel| {
            const source = from + panel * panel_bytes;
            const lines = source + quantized.linesAt(bits, b);
            const ahead = next + panel * panel_bytes + quantized.linesAt(bits, b);
            inline for (0..comptime bits.blockBytes() / 64) |line| @prefetch(ahead + line * 64, .{ .locality = 2 });
            const scales: [*]const f16 = @ptrCast(@alignCast(source + quantized.scalesAt(bits, b)));
            inline for (0..parts) |p| to.scales[panel * parts + p] = quantized.scaleOf(scales, p);
            inline for (0..groups) |g| {
                const line = quantized.lineOf(bits, lines, g);
                inline for (0..parts) |p| to.lines[g][panel * parts + p] = line[p];
            }
        };
    }
};

/// Adds blocks first..first + count of all rows to the outputs from `output` on. The first block begins them, unless
/// the job adds to what is there.
fn multiply(copy: *const Copy, job: *const kernels.Int8, output: usize, first: usize, count: usize) void {
    const valid = @min(outputs, job.rows_valid - output);
    const stride = job.x_stride / block;
    for (0..job.rows) |row| {
        const at = row * stride + first;
        const out = job.out + row * job.out_stride + output;
        var totals: [vectors]Floats = @splat(@splat(0));
        if (job.add or first > 0) totals = if (valid == outputs) @bitCast(out[0..outputs].*) else partly(out, valid);
        addRow(copy.blocks[0..count], .{
            .x = job.x + at * block_bytes,
            .next = job.x + (at + stride) * block_bytes,
            .scales = job.scales + at,
            .starts = job.starts + at,
        }, &totals);
        if (valid == outputs) out[0..outputs].* = @bitCast(totals) else {
            const line: [outputs]f32 = @bitCast(totals);
            @memcpy(out[0..valid], line[0..valid]);
        }
    }
}

/// The first `valid` outputs of a row, then zeros.
noinline fn partly(out: [*]const f32, valid: usize) [vectors]Floats {
    var line: [outputs]f32 = @splat(0);
    @memcpy(line[0..valid], out);
    return @bitCast(line);
}

/// Some blocks of a row, and where those of the next one are.
const Row = struct { x: [*]const i8, next: [*]const i8, scales: [*]const f32, starts: [*]const i32 };

inline fn addRow(blocks: []const Block, row: Row, totals: *[vectors]Floats) void {
    for (blocks, 0..) |*weights, b| {
        // Rows lie too far apart for the hardware to see the next one.
        @prefetch(row.next + b * block_bytes, .{ .locality = 3 });
        const start: Sum = @splat(row.starts[b]);
        var sums: [vectors]Sum = @splat(start);
        inline for (0..groups) |g| addLine(&weights.lines[g], row.x + b * block_bytes + g * 8, &sums);
        const scale: Floats = @splat(row.scales[b]);
        inline for (totals, sums, weights.scales) |*total, sum, weight_scale| {
            total.* = vec.mulAdd(8, @floatFromInt(sum), weight_scale * scale, total.*);
        }
    }
}

/// Adds four bytes of each weight row times four sizes and four signs; the four vectors step by step, in this order.
inline fn addLine(weights: *const [vectors]Bytes, x: [*]const i8, sums: *[vectors]Sum) void {
    const sizes: Sum = @splat(quantized.four(x));
    const signs: Sum = @splat(quantized.four(x + 4));
    var products: [vectors]Sum = undefined;
    inline for (&products, weights) |*product, bytes| product.* = inRegister(@as(Sum, @bitCast(bytes)) ^ signs);
    inline for (&products) |*product| {
        product.* = inRegister(@bitCast(quantized.sumsOfTwo(@bitCast(sizes), @bitCast(product.*))));
    }
    inline for (&products) |*product| product.* = inRegister(quantized.sumsOfPairs(@bitCast(product.*)));
    inline for (sums, products) |*sum, product| sum.* = inRegister(sum.* + product);
}
