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

        /// Elements ahead of those packed that are asked for: rows are too many streams for the hardware.
        const pack_ahead = 128;

        /// Blocks of `lanes` rows and columns change sides in registers, where they are whole.
        pub fn pack(
            dtype: Dtype,
            weights: [*]const u8,
            stride: usize,
            rows: usize,
            depth: usize,
            panel: [*]f32,
        ) callconv(.c) void {
            switch (dtype) {
                inline else => |d| {
                    const row_bytes = stride * comptime d.size();
                    if (rows < page_keys) @memset(panel[0 .. depth * page_keys], 0);
                    // A cache line of each row at a time: whole rows are a power of two apart and
                    // would push each other out of the cache.
                    const run = 32;
                    var k: usize = 0;
                    while (k < depth) : (k += run) {
                        const count = @min(run, depth - k);
                        var n: usize = 0;
                        if (count == run) while (n + lanes <= rows) : (n += lanes) {
                            inline for (0..lanes) |i| {
                                const ahead = weights + (n + i) * row_bytes + (k + pack_ahead) * comptime d.size();
                                inline for (0..comptime run * d.size() / 64) |line| {
                                    @prefetch(ahead + line * 64, .{ .locality = 2 });
                                }
                            }
                            inline for (0..run / lanes) |b| {
                                const from = weights + n * row_bytes;
                                packBlock(d, from, row_bytes, k + b * lanes, panel + (k + b * lanes) * page_keys + n);
                            }
                        };
                        while (n < rows) : (n += 1) for (k..k + count) |i| {
                            panel[i * page_keys + n] = vec.widen(1, d, weights + n * row_bytes, i)[0];
                        };
                    }
                },
            }
        }

        /// Columns k..k + lanes of `lanes` rows, one below the other. Each round interleaves the first half
        /// of the vectors with the second, which turns the bits of row and column by one place.
        inline fn packBlock(comptime d: Dtype, weights: [*]const u8, row_bytes: usize, k: usize, out: [*]f32) void {
            @setEvalBranchQuota(20_000);
            var block: [lanes]V = undefined;
            inline for (&block, 0..) |*row, n| row.* = vec.widen(lanes, d, weights + n * row_bytes, k);
            inline for (0..comptime std.math.log2_int(u32, lanes)) |_| {
                var turned: [lanes]V = undefined;
                inline for (0..lanes / 2) |i| {
                    inline for (0..2) |half| {
                        const order = comptime interleaved(half);
                        turned[2 * i + half] = @shuffle(f32, block[i], block[i + lanes / 2], order);
                    }
                }
                block = turned;
            }
            inline for (block, 0..) |column, i| vec.store(lanes, out + i * page_keys, column);
        }

        /// Element by element of the first or second halves of two vectors; those of the second are negative.
        fn interleaved(half: usize) [lanes]i32 {
            var order: [lanes]i32 = undefined;
            for (&order, 0..) |*from, i| {
                const element: i32 = @intCast((half * lanes + i) / 2);
                from.* = if (i % 2 == 0) element else ~element;
            }
            return order;
        }

        pub fn gemm(job: *const kernels.Gemm) callconv(.c) void {
            // A narrow panel would leave registers empty, which more rows can use.
            if (tile_vectors == 4) switch ((job.columns + lanes - 1) / lanes) {
                1, 2 => return stripsOf(12, 2, job),
                3 => return stripsOf(8, 3, job),
                else => {},
            };
            stripsOf(tile_rows, tile_vectors, job);
        }

        fn stripsOf(comptime strip_rows: usize, comptime vectors: usize, job: *const kernels.Gemm) void {
            var row: usize = 0;
            while (row + strip_rows <= job.rows) : (row += strip_rows) strip(strip_rows, vectors, job, row);
            const rest = job.rows - row;
            inline for (1..strip_rows) |rows| {
                if (rest == rows) strip(rows, vectors, job, row);
            }
        }

        /// `rows` rows of the output, all columns of the panel, tile by tile.
        fn strip(comptime rows: usize, comptime vectors: usize, job: *const kernels.Gemm, row: usize) void {
            const width = vectors * lanes;
            var out: [rows][*]f32 = undefined;
            inline for (0..rows) |r| out[r] = job.out + (row + r) * job.out_stride;
            var column: usize = 0;
            while (column < job.columns) : (column += width) {
                var sums: [rows][vectors]V = @splat(@splat(@splat(0)));
                const a = job.a + row * job.a_stride;
                const b: Operand = .{ .at = @ptrCast(job.panel + column), .stride = page_keys, .ahead = null };
                tile(rows, vectors, .f32, a, job.a_stride, b, job.depth, &sums);
                const valid = job.columns - column;
                if (valid >= width) {
                    inline for (0..rows) |r| inline for (0..vectors) |v| {
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
