//! Kernels on weight matrices: widening to f32, matrix times vector, and a GEMM on packed panels.
//!
//! Weights are rows of `columns` elements, bf16, f16 or f32, at any alignment. A product of one
//! output is summed in an order that depends on its own row alone, never on how many rows are asked.

const std = @import("std");
const kernels = @import("kernels.zig");
const vec = @import("vec.zig");
const Dtype = kernels.Dtype;
const page_keys = kernels.page_keys;

pub fn Matrix(comptime lanes: u32) type {
    return struct {
        const V = vec.Vec(lanes);
        /// Vectors side by side in a GEMM tile: as wide as the registers allow for six rows.
        const tile_vectors = if (lanes == 16) 4 else if (lanes == 1) 8 else 2;
        const tile_rows = 6;

        pub fn widen(dtype: Dtype, from: [*]const u8, out: [*]f32, count: usize) callconv(.c) void {
            switch (dtype) {
                inline else => |d| {
                    var i: usize = 0;
                    while (i + lanes <= count) : (i += lanes) {
                        vec.store(lanes, out + i, vec.widen(lanes, d, from, i));
                    }
                    while (i < count) : (i += 1) out[i] = vec.widen(1, d, from, i)[0];
                },
            }
        }

        pub fn gemv(
            dtype: Dtype,
            weights: [*]const u8,
            x: [*]const f32,
            rows: usize,
            columns: usize,
            out: [*]f32,
        ) callconv(.c) void {
            switch (dtype) {
                inline else => |d| {
                    const row_bytes = columns * comptime d.size();
                    // One row at a time: streams a few KB apart in one page defeat the prefetcher.
                    for (0..rows) |row| out[row] = dot(d, weights + row * row_bytes, x, columns);
                },
            }
        }

        /// How far ahead weights are asked for: past the end of a page, where the hardware stops.
        const prefetch_bytes = 4096;

        /// Eight sums side by side hide the latency of the multiply-add.
        inline fn dot(comptime d: Dtype, weights: [*]const u8, x: [*]const f32, count: usize) f32 {
            const chains = 8;
            var sums: [chains]V = @splat(@splat(0));
            var i: usize = 0;
            while (i + chains * lanes <= count) : (i += chains * lanes) {
                const line = 64 / comptime d.size();
                inline for (0..@max(1, chains * lanes / line)) |l| {
                    const ahead = weights + (i + l * line) * (comptime d.size());
                    @prefetch(ahead + prefetch_bytes, .{ .locality = 2 });
                }
                inline for (0..chains) |c| {
                    const at = i + c * lanes;
                    const w = vec.widen(lanes, d, weights, at);
                    sums[c] = vec.mulAdd(lanes, w, vec.load(lanes, x + at), sums[c]);
                }
            }
            while (i + lanes <= count) : (i += lanes) {
                const w = vec.widen(lanes, d, weights, i);
                sums[0] = vec.mulAdd(lanes, w, vec.load(lanes, x + i), sums[0]);
            }
            const quarters = .{ sums[0] + sums[4], sums[1] + sums[5], sums[2] + sums[6], sums[3] + sums[7] };
            var sum = @reduce(.Add, (quarters[0] + quarters[1]) + (quarters[2] + quarters[3]));
            while (i < count) : (i += 1) sum += vec.widen(1, d, weights, i)[0] * x[i];
            return sum;
        }

        pub fn pack(
            dtype: Dtype,
            weights: [*]const u8,
            rows: usize,
            columns: usize,
            panel: [*]f32,
        ) callconv(.c) void {
            switch (dtype) {
                inline else => |d| {
                    const row_bytes = columns * comptime d.size();
                    if (rows < page_keys) @memset(panel[0 .. columns * page_keys], 0);
                    // A cache line of each row at a time: whole rows are a power of two apart and
                    // would push each other out of the cache.
                    const run = 32;
                    var k: usize = 0;
                    while (k < columns) : (k += run) {
                        const count = @min(run, columns - k);
                        for (0..rows) |n| packRun(d, weights + n * row_bytes, k, count, panel + n);
                    }
                },
            }
        }

        /// Elements k..k+count of one row, down one column of the panel.
        inline fn packRun(comptime d: Dtype, row: [*]const u8, k: usize, count: usize, column: [*]f32) void {
            var i: usize = 0;
            while (i + lanes <= count) : (i += lanes) {
                const values: [lanes]f32 = vec.widen(lanes, d, row, k + i);
                inline for (values, 0..) |value, j| column[(k + i + j) * page_keys] = value;
            }
            while (i < count) : (i += 1) column[(k + i) * page_keys] = vec.widen(1, d, row, k + i)[0];
        }

        pub fn gemm(job: *const kernels.Gemm) callconv(.c) void {
            var row: usize = 0;
            while (row + tile_rows <= job.rows) : (row += tile_rows) strip(tile_rows, job, row);
            while (row < job.rows) : (row += 1) strip(1, job, row);
        }

        /// `rows` rows of the output, all columns of the panel, tile by tile.
        fn strip(comptime rows: usize, job: *const kernels.Gemm, row: usize) void {
            const width = tile_vectors * lanes;
            var out: [rows][*]f32 = undefined;
            inline for (0..rows) |r| out[r] = job.out + (row + r) * job.out_stride;
            var column: usize = 0;
            while (column < page_keys) : (column += width) {
                if (column >= job.columns) break;
                var sums: [rows][tile_vectors]V = @splat(@splat(@splat(0)));
                const a = job.a + row * job.a_stride;
                const b: Operand = .{ .at = @ptrCast(job.panel + column), .stride = page_keys, .ahead = null };
                tile(rows, tile_vectors, .f32, a, job.a_stride, b, job.depth, &sums);
                const valid = job.columns - column;
                if (valid >= width) {
                    inline for (0..rows) |r| inline for (0..tile_vectors) |v| {
                        const to = out[r] + column + v * lanes;
                        const old: V = if (job.add) vec.load(lanes, to) else @splat(0);
                        vec.store(lanes, to, old + sums[r][v]);
                    };
                } else for (0..rows) |r| {
                    const line: [width]f32 = @bitCast(sums[r]);
                    for (line[0..valid], out[r] + column) |sum, *to| {
                        to.* = if (job.add) to.* + sum else sum;
                    }
                }
            }
        }

        /// Lines of `stride` elements. While they are read, as many bytes are asked for from `ahead` on.
        pub const Operand = struct { at: [*]const u8, stride: usize, ahead: ?[*]const u8 };

        /// sums[r][v] += sum over k of a[r][k] * b[k][v]: an outer product per k, held in registers.
        ///
        ///            b[k]  | v0 | v1 | v2 | v3 |
        ///     a[0][k]      | .  | .  | .  | .  |   one broadcast of a feeds a row of sums,
        ///     a[1][k]      | .  | .  | .  | .  |   one load of b feeds a column
        pub inline fn tile(
            comptime rows: usize,
            comptime vectors: usize,
            comptime dtype: Dtype,
            a: [*]const f32,
            a_stride: usize,
            b: Operand,
            depth: usize,
            sums: *[rows][vectors]V,
        ) void {
            const bytes = vectors * lanes * comptime dtype.size();
            var acc = sums.*;
            for (0..depth) |k| {
                if (b.ahead) |ahead| inline for (0..(bytes + 63) / 64) |l| {
                    @prefetch(ahead + k * bytes + l * 64, .{ .locality = 2 });
                };
                const line = b.at + k * b.stride * comptime dtype.size();
                var columns: [vectors]V = undefined;
                inline for (0..vectors) |v| columns[v] = vec.widen(lanes, dtype, line, v * lanes);
                inline for (0..rows) |r| {
                    const scale: V = @splat(a[r * a_stride + k]);
                    inline for (0..vectors) |v| acc[r][v] = vec.mulAdd(lanes, scale, columns[v], acc[r][v]);
                }
            }
            sums.* = acc;
        }
    };
}
